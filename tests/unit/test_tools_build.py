"""What the build says and where it can be done, without doing it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tools import environments, package

ADVICE = "It's recommended to add a validator to ensure the security and integrity of the input data."


def test_ucc_gens_expected_advice_is_not_shown_and_every_other_warning_is() -> None:
    log = "\n".join(
        [
            "INFO: Receiving the build",
            f"WARNING: The field 'port' does not have a validator specified. {ADVICE}",
            f"WARNING: The field 'new_field' does not have a validator specified. {ADVICE}",
            "WARNING: The field 'port' is deprecated. Remove it.",
        ]
    )
    assert package.warnings_in(log) == [
        "WARNING: The field 'new_field' does not have a validator specified",
        "WARNING: The field 'port' is deprecated",
    ]


def test_pip_finds_its_pins_below_a_folder_with_a_blank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "PINS", tmp_path / "my projects" / "pins")
    (constraint,) = environments.clean_environment()["PIP_BUILD_CONSTRAINT"].split()
    assert constraint.endswith("/my%20projects/pins/sdist.txt")


def test_a_python_below_a_folder_with_a_blank_is_found(tmp_path_factory: pytest.TempPathFactory) -> None:
    # Not in memory, where programs often may not be started.
    python = tmp_path_factory.mktemp("blank") / "my projects" / "python3"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\necho 3.11\necho "$0"\n')
    python.chmod(0o755)
    script = shutil.copy(environments.ROOT / "tools" / "find_python.sh", python.parent)
    surroundings = {**os.environ, "PYTHON": str(python)}
    assert subprocess.check_output(["sh", str(script)], env=surroundings, text=True) == f"{python}\n"


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make on this host")
def test_one_test_can_be_named_with_a_blank() -> None:
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "-n", "test", "ONLY=tests/unit/test_a.py::test_b[c d]"]
    shown = subprocess.check_output(command, cwd=environments.ROOT, env=surroundings, text=True)
    assert "-m tools.test 'tests/unit/test_a.py::test_b[c d]'" in shown
