"""A full disk and a folder that cannot be written, for real, in a process of its own; what is said of each fault."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.patience import patience
from strava_collector.store.faults import explain

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX limits and permissions")

PRELUDE = """
import os, sys, resource, signal
from pathlib import Path
from strava_collector.errors import StoreUnavailable
from tests.support.store import database, join

store = database(Path(sys.argv[1]))

def add(first, number):
    with store.write() as tx:
        for activity_id in range(first, first + number):
            join(tx, activity_id, input="x" * 500)

def refused(first, number=1):
    try:
        add(first, number)
    except StoreUnavailable as error:
        return str(error)
    return None

def count():
    with store.read() as tx:
        return tx.execute("SELECT COUNT(*) FROM job").fetchone()[0]
"""

#: A limit on the size of files stands for the full disk: the same calls fail, without root and without a disk.
DISK_FULL = """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
add(0, 10)
full = os.path.getsize(store._path.with_name("strava.db-wal")) + {room}
resource.setrlimit(resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
complaints, stored, first, consistent = [], 10, 1000, True
while len(complaints) < 5 and first < 20000:
    complaint = refused(first, 10)
    first += 10
    if complaint is None:
        stored += 10
    else:
        complaints.append(complaint)
        consistent = consistent and count() == stored
print(complaints[0])
print(len(complaints), consistent)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
add(50000, 10)
print(count() == stored + 10)
store.close()
"""

#: The same before there is a file: SQLite cannot even begin.
DISK_FULL_FROM_THE_BEGINNING = """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
print(refused(0))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
add(0, 1)
print(count() == 1)
store.close()
"""

READ_ONLY = """
folder = store._path.parent
{before}
for path in [*folder.iterdir(), folder] if folder.exists() else [folder.parent]:
    path.chmod(0o555 if path.is_dir() else 0o444)
print(refused(1))
folder.parent.chmod(0o700)
for path in [folder, *folder.iterdir()] if folder.exists() else []:
    path.chmod(0o700)
add(2, 1)
print(count())
store.close()
"""


def run(folder: Path, program: str, *wrapper: str) -> list[str]:
    result = subprocess.run(
        [*wrapper, sys.executable, "-W", "error", "-c", PRELUDE + program, str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["package/bin", "."])},
        capture_output=True,
        text=True,
        timeout=patience(60),
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout.splitlines()


@pytest.mark.parametrize("room", [0, 100, 4096, 40_000])
def test_a_full_disk_refuses_keeps_what_was_committed_and_recovers(tmp_path: Path, room: int) -> None:
    complaint, *facts = run(tmp_path, DISK_FULL.format(room=room))
    assert str(tmp_path) in complaint
    assert "free space" in complaint or "no room" in complaint
    assert facts == ["5 True", "True"]


def test_a_disk_that_is_full_before_the_first_write_refuses_and_recovers(tmp_path: Path) -> None:
    complaint, *facts = run(tmp_path, DISK_FULL_FROM_THE_BEGINNING)
    assert "free space" in complaint or "no room" in complaint
    assert facts == ["True"]


@pytest.mark.parametrize(
    ("before", "count"),
    [("", "1"), ("add(0, 1); store.close(); store = database(Path(sys.argv[1]))", "2")],
    ids=["before it is made", "before it is opened"],
)
def test_a_folder_that_cannot_be_written_refuses_and_recovers(tmp_path: Path, before: str, count: str) -> None:
    if os.geteuid() == 0:
        if sys.platform != "linux":
            pytest.skip("root may write everywhere")
        program = OBEDIENT_ROOT + READ_ONLY.format(before=before)
    else:
        program = READ_ONLY.format(before=before)
    complaint, found = run(tmp_path, program)
    assert str(tmp_path) in complaint
    assert "permission to write" in complaint
    assert found == count


#: Root gives up the privilege to ignore permissions: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH leave the
#: effective and permitted set (capset with the structures of capability(7), version 3).
OBEDIENT_ROOT = """
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
header = ctypes.create_string_buffer(struct.pack("Ii", 0x20080522, 0))
data = ctypes.create_string_buffer(24)
assert libc.capget(header, data) == 0
words = list(struct.unpack("6I", data.raw))
words[0] &= ~0b110
words[1] &= ~0b110
assert libc.capset(header, ctypes.create_string_buffer(struct.pack("6I", *words))) == 0
"""


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (sqlite3.OperationalError("database is locked"), "stayed locked by somebody else for 2 s"),
        (sqlite3.OperationalError("database or disk is full"), "There is no room to write to the store"),
        (sqlite3.OperationalError("disk I/O error"), "could not be read or written (disk I/O error)"),
        (sqlite3.OperationalError("something new"), "refused (something new)"),
        (OSError(errno.ENOSPC, "No space left on device"), "There is no room to write to the store"),
        (OSError(errno.ENOTDIR, "Not a directory"), "something that is not a folder is in its way"),
        (OSError(errno.EMFILE, "Too many open files"), "cannot be used (Too many open files)"),
        (OSError(), "cannot be used (OSError)"),
    ],
)
def test_each_fault_of_the_store_has_its_sentence(error: BaseException, sentence: str) -> None:
    told = explain(error, Path("/store/strava.db"), 2.0)
    assert told is not None
    assert sentence in str(told)


def test_a_mistake_of_ours_is_not_taken_for_a_fault_of_the_store() -> None:
    assert explain(sqlite3.IntegrityError("UNIQUE constraint failed"), Path("/store/strava.db"), 2.0) is None
