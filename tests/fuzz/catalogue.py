"""All targets, by name. Loading one imports what it is about, so that this can be instrumented before."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import cast

from tests.fuzz.target import Target

NAMES = tuple(sorted(path.stem for path in (Path(__file__).parent / "targets").glob("*.py") if path.stem != "__init__"))


def load(name: str) -> Target:
    """Return a target by its name, which is its module's."""
    return cast("Target", importlib.import_module(f"tests.fuzz.targets.{name}").TARGET)
