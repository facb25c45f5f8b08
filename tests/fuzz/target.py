"""What is fuzzed: a property of some code that must hold for every input, and how inputs for it are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
CORPUS = FOLDER / "corpus"


@dataclass(frozen=True)
class Target:
    """One target; its module's docstring says the property in words."""

    name: str
    #: Says how an input ended, as one of :attr:`ends`. Raises whatever the property forbids.
    check: Callable[[bytes], str]
    #: Every way in which an input may end. The corpus has each, so that no part of the property is idle.
    ends: frozenset[str]
    #: What is worth putting into an input.
    words: tuple[bytes, ...] = ()
    #: No input is longer, in bytes.
    longest: int = 4096

    @property
    def corpus(self) -> Path:
        """The folder of the inputs to begin with."""
        return CORPUS / self.name

    def seeds(self) -> dict[str, bytes]:
        """The inputs to begin with, by the name of their files."""
        return {path.name: path.read_bytes() for path in sorted(self.corpus.iterdir())}
