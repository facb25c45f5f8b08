"""Counts what somebody does in the browser, step by step: clicks, fields, seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import BrowserContext

#: Tells of each press of the mouse and of each field that is typed into or chosen from, once per page and field.
_LISTEN = """(() => {
    const known = new WeakSet();
    addEventListener('pointerdown', () => window.standInTally('clicks'), true);
    addEventListener('input', (event) => {
        if (!known.has(event.target) && event.target.type !== 'checkbox') {
            known.add(event.target);
            window.standInTally('fields');
        }
    }, true);
})();"""


@dataclass
class Step:
    """One part of the way."""

    title: str
    clicks: int = 0
    fields: int = 0
    seconds: float = 0.0


class Stopwatch:
    """Watches all pages of a window that are opened after it."""

    def __init__(self, context: BrowserContext) -> None:
        self.steps: list[Step] = []
        context.expose_binding("standInTally", lambda _source, what: self._tally(what))
        context.add_init_script(_LISTEN)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """What happens inside is one step."""
        step = Step(title)
        self.steps.append(step)
        began = time.monotonic()
        yield
        step.seconds = time.monotonic() - began

    @property
    def total(self) -> Step:
        return Step(
            "all",
            sum(step.clicks for step in self.steps),
            sum(step.fields for step in self.steps),
            sum(step.seconds for step in self.steps),
        )

    def table(self) -> str:
        lines = [f"{'step':34} {'clicks':>6} {'fields':>6} {'seconds':>7}"]
        for step in [*self.steps, self.total]:
            lines.append(f"{step.title:34} {step.clicks:6} {step.fields:6} {step.seconds:7.1f}")
        return "\n".join(lines)

    def _tally(self, what: str) -> None:
        if self.steps:
            step = self.steps[-1]
            setattr(step, what, getattr(step, what) + 1)
