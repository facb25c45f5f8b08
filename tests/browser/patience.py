"""How long Playwright waits for something to happen: longer, the busier the host is."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, expect

from sandbox.patience import patience
from sandbox.sandbox import PATIENCE


def milliseconds() -> float:
    """What Playwright is given now. It does not ask again while it waits; so this is done with each page."""
    return patience(PATIENCE) * 1000


def be_patient(context: BrowserContext) -> None:
    """Let all that is waited for in this window from now on have the time that the host needs now."""
    context.set_default_timeout(milliseconds())
    expect.set_options(timeout=milliseconds())
