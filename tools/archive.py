"""Writes a folder as a tarball whose bytes depend on nothing but names and contents."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

FILE_MODE = 0o644
FOLDER_MODE = 0o755


def normalise(folder: Path) -> None:
    """Give every file and folder the modes of the package, whatever the umask was."""
    folder.chmod(FOLDER_MODE)
    for path in folder.rglob("*"):
        path.chmod(FOLDER_MODE if path.is_dir() else FILE_MODE)


def write(folder: Path, archive: Path, *, time: int) -> None:
    """Pack the folder, under its own name and with everything dated ``time`` (seconds since the epoch).

    Raises ValueError for anything that is neither file nor folder.
    """
    unpacked = io.BytesIO()
    with tarfile.open(fileobj=unpacked, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in [folder, *sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix())]:
            tar.addfile(_entry(path, folder, time), None if path.is_dir() else io.BytesIO(path.read_bytes()))
    archive.parent.mkdir(parents=True, exist_ok=True)
    # Without name and time in gzip's head; level 9 of the same zlib gives the same bytes.
    with archive.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(unpacked.getvalue())


def _entry(path: Path, folder: Path, time: int) -> tarfile.TarInfo:
    if path.is_symlink() or not (path.is_dir() or path.is_file()):
        raise ValueError(f"{path} is neither a file nor a folder")
    entry = tarfile.TarInfo((Path(folder.name) / path.relative_to(folder)).as_posix())
    entry.mtime = time
    if path.is_dir():
        entry.type = tarfile.DIRTYPE
        entry.mode = FOLDER_MODE
    else:
        entry.size = path.stat().st_size
        entry.mode = FILE_MODE
    return entry
