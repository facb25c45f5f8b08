"""The build fails when ucc-gen fails, although ucc-gen says that it did not."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tools import environments, package


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of the sources, to be spoilt."""
    copy = tmp_path / "project"
    copy.mkdir()
    shutil.copytree(environments.ROOT / "package", copy / "package", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("globalConfig.json", "additional_packaging.py", "LICENSE"):
        shutil.copyfile(environments.ROOT / name, copy / name)
    return copy


def test_an_exception_inside_ucc_gen_fails_the_build_and_leaves_the_last_good_one(
    sources: Path, tmp_path: Path
) -> None:
    (sources / "additional_packaging.py").write_text(
        "def cleanup_output_files(output_path, ta_name):\n    raise RuntimeError('half a tree')\n"
    )
    kept = tmp_path / "output" / package.ADDON / "kept"
    kept.parent.mkdir(parents=True)
    kept.write_text("")
    with pytest.raises(package.BuildFailed, match="half a tree"):
        package.build(sources, tmp_path)
    assert kept.exists()
    assert not (tmp_path / "dist").exists()


def test_a_file_that_is_expected_and_missing_is_named(sources: Path, addon: Path, version: str, tmp_path: Path) -> None:
    built = tmp_path / package.ADDON
    shutil.copytree(addon, built)
    assert package.missing_files(built, sources, version) == []
    (built / "default" / "restmap.conf").unlink()
    next((built / "appserver").rglob("*_redirect_page.*.js")).unlink()
    (built / "bin" / "strava_collector" / "webhook.py").unlink()
    assert package.missing_files(built, sources, version) == [
        f"appserver/static/js/build/ta_strava_webhook_redirect_page.{version}.js",
        "bin/strava_collector/webhook.py",
        "default/restmap.conf",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: Uncaught exception occurred. Exception details:",
        "CRITICAL: no way on",
        "Traceback (most recent call last):",
    ],
)
def test_an_error_in_the_log_is_found(line: str) -> None:
    assert package.errors_in(f"INFO: ucc-gen version 6.6.0 is used\n{line}\nINFO: done") == [line]


def test_the_word_error_in_a_harmless_line_is_none() -> None:
    log = "INFO: Copied errors.py\nWARNING: The field 'error' does not have a validator\n"
    assert package.errors_in(log) == []


def test_what_git_ignores_is_not_built(tmp_path: Path) -> None:
    project = tmp_path / "checkout"
    for name in ("package/app.manifest", "package/bin/new.py", "package/bin/__pycache__/new.pyc", "LICENSE"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(name)
    (project / "globalConfig.json").write_text("{}")
    (project / "additional_packaging.py").write_text("")
    (project / ".gitignore").write_text("__pycache__/\n")
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    package.copy_sources(project, tmp_path / "with git")
    shutil.rmtree(project / ".git")
    package.copy_sources(project, tmp_path / "without git")
    for copy in ("with git", "without git"):
        names = {path.name for path in (tmp_path / copy / "package").rglob("*") if path.is_file()}
        assert names == {"app.manifest", "new.py"}


def test_a_host_without_a_fitting_python_is_told_so_in_a_sentence(tmp_path: Path) -> None:
    for tool in ("sh", "sed"):
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / tool).symlink_to(found)
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\necho 3.6\n")
    old.chmod(0o755)
    answer = subprocess.run(
        ["sh", str(environments.ROOT / "tools" / "find_python.sh")],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path), "LANG": os.environ.get("LANG", "C")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert "A Python 3.10, 3.11, 3.12 or 3.13 with the modules venv, ensurepip and ssl is needed" in answer.stderr
    assert "python3 (3.6)" in answer.stderr
