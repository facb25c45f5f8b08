"""Where the stand-in for splunkd saves work, nobody notices: files that installations share, and files read once."""

from __future__ import annotations

import sys
from pathlib import Path

from sandbox.splunkd.configuration import Configuration
from sandbox.splunkd.installation import Installation


def an_app(folder: Path, version: str) -> Path:
    for name in ("default/app.conf", "bin/script.py", "lib/library/module.py"):
        (folder / "toy" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "toy" / name).write_text(version, encoding="utf-8")
    return folder / "toy"


def said(folder: Path) -> set[str]:
    return {path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()}


def installed(home: Path, app: Path) -> Path:
    return Installation(home, app, Path(sys.executable), {}).app_folder


def test_an_upgrade_changes_neither_another_installation_nor_the_package(tmp_path: Path) -> None:
    first, second = an_app(tmp_path / "first", "1"), an_app(tmp_path / "second", "2")
    one, other = installed(tmp_path / "one", first), installed(tmp_path / "other", first)
    installed(tmp_path / "one", second)
    assert [said(folder) for folder in (one, other, first, second)] == [{"2"}, {"1"}, {"1"}, {"2"}]


def test_a_conf_file_that_somebody_edits_is_read_anew(tmp_path: Path) -> None:
    configuration = Configuration(tmp_path)
    file = tmp_path / "apps" / "toy" / "local" / "inputs.conf"
    file.parent.mkdir(parents=True)
    file.write_text("[one]\ncolour = red\n", encoding="utf-8")
    configuration.read("inputs")
    file.write_text("[one]\ncolour = green\n", encoding="utf-8")
    assert configuration.read("inputs")["one"].settings == {"colour": "green"}
    file.unlink()
    assert configuration.read("inputs") == {}
