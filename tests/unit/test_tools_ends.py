"""How the tools and the sandbox's programs end, and what they may print to."""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tools import environments, interpreters, progress

ROOT = environments.ROOT


@pytest.fixture(autouse=True)
def not_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process goes on after a tool in it has been interrupted."""
    monkeypatch.setattr(progress, "_ending", threading.Event())


@pytest.mark.parametrize("tool", ["package", "sandbox", "test", "checks"])
def test_ctrl_c_ends_a_tool_with_a_word_and_130(
    tool: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ctrl_c() -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(interpreters, "for_tools", ctrl_c)
    monkeypatch.setattr(sys, "argv", [tool])
    if tool == "sandbox":
        monkeypatch.setattr(sys, "argv", [tool, "sandbox.demo"])
    monkeypatch.delitem(sys.modules, f"tools.{tool}", raising=False)

    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"tools.{tool}", run_name="__main__")

    assert ended.value.code == 130
    assert capsys.readouterr().out.splitlines()[-1] == "Interrupted."


LANES = """
import subprocess, sys
from pathlib import Path
from tools import progress, test

start = subprocess.Popen

def told(command, **how):
    print(command[-1], flush=True)
    return start(command, **how)

subprocess.Popen = told

def step(name):
    command = [sys.executable, "-c", "import time; time.sleep(60)", name]
    return lambda steps: progress.run(name, command, folder=Path("."))

lanes = [test.in_turn(step("first"), step("second")), test.in_turn(step("first"), step("second"))]
progress.exit_with(lambda: test.Run(show=False).side_by_side(lanes) or 0)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals that can be sent to a process")
def test_after_ctrl_c_no_lane_begins_its_next_step() -> None:
    with subprocess.Popen(
        [sys.executable, "-B", "-c", LANES],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        # Whoever runs the tests may have it ignored, as nohup does.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["first\n"] * 2
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "Interrupted.\n"
    assert process.returncode == 130


CLEARS_UP = """
import signal, tempfile
from sandbox import program
# Whoever runs the tests may have had them ignored, as nohup does.
for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(name, signal.SIG_DFL)
program.prepare()
try:
    with tempfile.TemporaryDirectory() as folder:
        print(folder, flush=True)
        try:
            while True:
                signal.pause()
        finally:
            signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGTERM)
except KeyboardInterrupt:
    program.say_last("ended")
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals that can be sent to a process")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_and_more_after_it_leave_the_sandbox_time_to_clear_up(name: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-B", "-c", CLEARS_UP], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert folder.is_dir()
        process.send_signal(getattr(signal, name))
        assert process.stdout.readline() == "ended\n"
    assert process.returncode == 0
    assert not folder.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGHUP")
def test_what_was_started_with_nohup_goes_on() -> None:
    code = (
        "import signal\n"
        "from sandbox import program\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "program.prepare()\n"
        "signal.raise_signal(signal.SIGHUP)\n"
        "print('goes on')\n"
    )
    assert subprocess.check_output([sys.executable, "-B", "-c", code], cwd=ROOT, text=True) == "goes on\n"


@pytest.mark.parametrize(
    "code",
    [
        "from sandbox import program; program.prepare(); print('“Ride 🚴”')",
        "from tools import progress; progress.exit_with(lambda: print('“Ride 🚴”') or 0)",
    ],
)
def test_a_terminal_that_is_not_utf_8_gets_question_marks(code: str) -> None:
    surroundings = {**os.environ, "PYTHONIOENCODING": "ascii"}
    printed = subprocess.check_output([sys.executable, "-B", "-c", code], cwd=ROOT, env=surroundings)
    assert printed.strip() == b"?Ride ??"
