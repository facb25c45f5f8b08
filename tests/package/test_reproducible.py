"""The same commit gives the same bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools import environments, package


def test_another_folder_umask_and_hash_seed_give_the_same_bytes(tarball: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "another place"
    for name in package.SOURCES:
        source = environments.ROOT / name
        if source.is_dir():
            shutil.copytree(source, elsewhere / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            elsewhere.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, elsewhere / name)
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "4711",
        "SOURCE_DATE_EPOCH": str(package.commit_time(environments.ROOT)),  # the copy is no checkout
        "TZ": "Pacific/Auckland",
        "STRAVA_CLIENT_SECRET": "planted-secret",  # whoever builds may have some
    }
    python = environments.build().ready()
    command = [str(python), "-B", "-m", "tools.package", "--source", str(elsewhere)]
    finished = subprocess.run(
        ["sh", "-c", 'umask 077 && exec "$@"', "sh", *command, "--destination", str(elsewhere)],
        cwd=environments.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert (elsewhere / "dist" / tarball.name).read_bytes() == tarball.read_bytes()


def test_the_tests_run_outside_of_the_build_environment() -> None:
    assert not Path(sys.prefix).samefile(environments.build().folder)
