"""What lies in the store's folder, and who may look at it."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Files:
    """The store's folder and what lies in it."""

    folder: Path

    @cached_property
    def database(self) -> Path:
        return self.folder / "strava.db"

    @cached_property
    def lock(self) -> Path:
        """Shared by every transaction, held alone for a repair."""
        return self.folder / "store.lock"

    @cached_property
    def marker(self) -> Path:
        """While it exists, nobody begins a transaction. It holds the name of the file that is set aside."""
        return self.folder / "store.repair"

    def make_folder(self) -> None:
        """Make the folder if need be, and see to it that it is the owner's alone. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _forbid_others(self.folder, 0o700)

    def make_private(self, path: Path) -> None:
        """Make the file if need be, for the owner alone; SQLite gives its companions the same permissions.

        A database that exists is not opened here: closing it again would take away the locks that SQLite holds on it
        anywhere in this process (https://sqlite.org/howtocorrupt.html, 2.2).
        """
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        _forbid_others(path, 0o600)

    def announce(self) -> None:
        """Put up the marker, unless it is up already."""
        self.marker.touch(mode=0o600, exist_ok=True)

    def withdraw(self) -> None:
        """Take the marker down."""
        self.marker.unlink()


def _forbid_others(path: Path, mode: int) -> None:
    """Take away others' permissions, if there are any and the file is ours."""
    if os.name != "nt" and path.stat().st_mode & 0o077:
        # Not the owner: then somebody has arranged it like that, and it is not ours to change.
        with contextlib.suppress(PermissionError):
            path.chmod(mode)
