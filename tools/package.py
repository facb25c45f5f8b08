"""Builds the add-on: ``make package``.

ucc-gen does the work, on a copy of the sources, because it rewrites ``globalConfig.json``. It exits 0 after an uncaught
exception, so what it logs and what it leaves is checked here. The tarball is written here too, so that the
same commit gives the same bytes on any machine, in any folder, at any time.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from tools import archive, environments
from tools.progress import exit_with, run, say

ADDON = "TA_strava_webhook"

#: The tarball has to stay below this; about 3 MB are used.
SIZE_LIMIT = 6 * 1024 * 1024

#: What the build reads, relative to the project's folder.
SOURCES = ("package", "globalConfig.json", "additional_packaging.py", "LICENSE")

#: Dates the files of a build outside of git, unless SOURCE_DATE_EPOCH is set: 1 November 2026, UTC.
_TIME_WITHOUT_GIT = 1793491200

#: A line of ucc-gen's log that means that the build failed, whatever its exit status says.
_ERROR_LINE = re.compile(r"^\W*(ERROR|CRITICAL)\b|Traceback \(most recent call last\)", re.MULTILINE)

#: These fields are checked when an input is saved, but not by UCC's validators: those stop at the first fault, ours
#: tell all of them at once. So ucc-gen's advice to give these a validator is not followed, and not shown.
_CHECKED_BY_US = ("application", "index", "callback_url", "port", "cert_file", "key_file", "interval")
_EXPECTED = {f"WARNING: The field '{field}' does not have a validator specified" for field in _CHECKED_BY_US}


class BuildFailed(Exception):
    """The package could not be built; the message says why."""


def build(source: Path, destination: Path) -> Path:
    """Build the sources in ``source`` into ``destination/output`` and ``destination/dist``; return the tarball.

    Raises :class:`BuildFailed`, or :class:`tools.environments.EnvironmentFailed`.
    """
    time = commit_time(source)
    with tempfile.TemporaryDirectory(prefix="build-") as folder:
        copy = Path(folder) / "source"
        copy_sources(source, copy)
        version = version_of(copy)
        built = Path(folder) / "output"
        _generate(copy, built, version, time)
        addon = built / ADDON
        missing = missing_files(addon, copy, version)
        if missing:
            raise BuildFailed("ucc-gen did not make these files:\n  " + "\n  ".join(missing))
        archive.normalise(addon)
        tarball = destination / "dist" / f"{ADDON}-{version}.tar.gz"
        archive.write(addon, tarball, time=time)
        _replace(addon, destination / "output" / ADDON)
    if tarball.stat().st_size >= SIZE_LIMIT:
        raise BuildFailed(f"{tarball} has {tarball.stat().st_size} bytes, the limit is {SIZE_LIMIT}")
    return tarball


def commit_time(source: Path) -> int:
    """Return the time that stands for the time of the build, in seconds since the epoch."""
    if os.environ.get("SOURCE_DATE_EPOCH"):
        return int(os.environ["SOURCE_DATE_EPOCH"])
    answer = _git(source, "log", "-1", "--format=%ct")
    return int(answer) if answer.strip() else _TIME_WITHOUT_GIT


def version_of(source: Path) -> str:
    """Return the version, which stands in ``app.manifest`` and nowhere else."""
    manifest = json.loads((source / "package" / "app.manifest").read_text("utf-8"))
    return str(manifest["info"]["id"]["version"])


def copy_sources(source: Path, target: Path) -> None:
    """Copy what the build reads: the working tree's state of the files that git does not ignore."""
    listed = _git(source, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *SOURCES)
    names = [name for name in listed.split("\0") if name] or _walk(source)
    for name in names:
        if (source / name).is_file():  # a file that was deleted but not yet committed is still listed
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target / name)
    missing = [name for name in SOURCES if not (target / name).exists()]
    if missing:
        raise BuildFailed(f"{source} has no {', '.join(missing)}")
    # ucc-gen copies a folder of this name into the add-on.
    (target / "LICENSES").mkdir()
    shutil.copyfile(target / "LICENSE", target / "LICENSES" / "Apache-2.0.txt")


def missing_files(addon: Path, source: Path, version: str) -> list[str]:
    """Return what should have been built and was not: the list in ``expected_files.txt`` and all of ``package/``."""
    built = {path.relative_to(addon).as_posix() for path in addon.rglob("*") if path.is_file()}
    package = source / "package"
    wanted = [path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()]
    for line in (Path(__file__).parent / "expected_files.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            wanted.append(line.replace("<version>", version))
    renamed = {"appserver/static/js/build/redirect_page.js", "appserver/templates/redirect.html"}
    return sorted({pattern for pattern in wanted if pattern not in renamed and not fnmatch.filter(built, pattern)})


def errors_in(log: str) -> list[str]:
    """Return the lines of ucc-gen's log that mean failure."""
    return [line for line in log.splitlines() if _ERROR_LINE.search(line)]


def warnings_in(log: str) -> list[str]:
    """Return the first sentences of the warnings in ucc-gen's log, without those that are expected."""
    warnings = [line.partition(". ")[0] for line in log.splitlines() if line.startswith("WARNING")]
    return [warning for warning in warnings if warning not in _EXPECTED]


def _generate(source: Path, output: Path, version: str, time: int) -> None:
    """Run ucc-gen with the fixed order of sets, the fixed pip and the fixed interpreter that it needs."""
    python = environments.build().ready()
    pip = (environments.PINS / "pip.txt").read_text().strip().partition("==")[2]
    command = [str(python), "-m", "splunk_add_on_ucc_framework", "build", "--source", "package"]
    command += ["--ta-version", version, "-o", str(output), "--overwrite"]
    command += ["--python-binary-name", str(python), "--pip-version", pip]
    environment = environments.clean_environment()
    environment.update(PYTHONHASHSEED="0", SOURCE_DATE_EPOCH=str(time), TZ="UTC", LC_ALL="C.UTF-8")
    finished = run("ucc-gen", command, folder=source, environment=environment)
    errors = errors_in(finished.output)
    if finished.status != 0 or errors:
        raise BuildFailed(
            f"ucc-gen failed (exit status {finished.status}, {len(errors)} errors in its log):\n{finished.output}"
        )
    for warning in warnings_in(finished.output):
        say(f"  ucc-gen: {warning}")


def _replace(new: Path, old: Path) -> None:
    """Put the new tree where the old one was; there is never a mixture of both."""
    old.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=old.parent) as folder:
        fresh = Path(folder) / "fresh"
        shutil.copytree(new, fresh)
        archive.normalise(fresh)  # copytree obeys the umask for folders
        if old.exists():
            old.rename(Path(folder) / "stale")
        fresh.rename(old)


def _walk(source: Path) -> list[str]:
    """Without git: everything but what running the sources leaves behind."""
    found = [path for name in SOURCES for path in [source / name, *(source / name).rglob("*")]]
    return [
        path.relative_to(source).as_posix()
        for path in found
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    ]


def _git(folder: Path, *arguments: str) -> str:
    """Ask git; an empty answer if there is no git or if the folder is not a checkout of its own."""
    try:
        top = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "--show-toplevel"], capture_output=True, text=True, check=False
        )
        if top.returncode != 0 or Path(top.stdout.strip()).resolve() != folder.resolve():
            return ""
        answer = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return answer.stdout if answer.returncode == 0 else ""


def main(words: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, default=environments.ROOT)
    parser.add_argument("--destination", type=Path, default=environments.ROOT)
    arguments = parser.parse_args(words)
    try:
        tarball = build(arguments.source, arguments.destination)
    except (BuildFailed, environments.EnvironmentFailed) as error:
        say(f"make package: {error}")
        return 1
    digest = hashlib.sha256(tarball.read_bytes()).hexdigest()
    say(f"{tarball} ({tarball.stat().st_size / 1e6:.1f} MB, sha256 {digest})")
    return 0


if __name__ == "__main__":
    exit_with(main)
