"""Files that Splunk Web hands out to anybody: those in `appserver/static` of an app."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from .exchange import Answer

#: By ending. Not the table of the operating system, which differs and may not know a script when it sees one.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}


def find(folder: Path, path: str) -> Path | None:
    """The file below `folder` that an encoded path means; None if there is none, or if it leads out."""
    parts = [unquote(part) for part in path.split("/")]
    if any(part in ("", ".", "..") or set(part) & set("/\\:\0") for part in parts):
        return None
    root = folder.resolve()
    found = root.joinpath(*parts).resolve()
    return found if found.is_relative_to(root) and found.is_file() else None


def file_answer(file: Path) -> Answer:
    """The file with its type. The browser asks each time: a rebuilt app has the same address here."""
    kind = _TYPES.get(file.suffix, "application/octet-stream")
    return Answer(200, file.read_bytes(), kind, {"Cache-Control": "no-cache"})
