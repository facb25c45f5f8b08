"""The add-on's version, which stands in ``app.manifest`` and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

#: ``app.manifest`` lies two folders above this package, in the source tree as in the installed add-on.
_MANIFEST = Path(__file__).resolve().parents[2] / "app.manifest"


def version() -> str:
    """Return the version of the add-on that this module belongs to, for instance ``1.0.0``."""
    manifest = json.loads(_MANIFEST.read_text(encoding="utf-8"))
    return str(manifest["info"]["id"]["version"])
