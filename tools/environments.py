"""The virtual environments below ``.venv/``: made on first use, made anew when their pins change.

Each tool has its own, because their pins contradict each other, and none of them is what is tested.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools import interpreters
from tools.progress import run, say

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "tools" / "pins"
#: Where they are; a second working copy may share them by a link.
FOLDER = (ROOT / ".venv").resolve()

#: Raise it when environments must be made anew although no pin changed.
_RECIPE = "1"


class EnvironmentFailed(Exception):
    """An environment could not be made; the message ends with what the failed command printed."""


@dataclass(frozen=True)
class Environment:
    """One folder below ``.venv/``."""

    name: str
    #: The interpreter that it is made with.
    interpreter: Path
    #: The file in ``tools/pins/``.
    pins: str

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def ready(self) -> Path:
        """Make the environment unless it is there, and return its Python. Safe for several processes at once."""
        key = self._key()
        stamp = self.folder / "pins.sha256"
        with locked(FOLDER / f"{self.name}.lock"):
            if not (stamp.is_file() and stamp.read_text() == key and self.python.exists()):
                self._make()
                stamp.write_text(key)
        return self.python

    def _make(self) -> None:
        say(f"making the environment .venv/{self.name} with {self.interpreter}")
        shutil.rmtree(self.folder, ignore_errors=True)
        self._run([str(self.interpreter), "-m", "venv", str(self.folder)])
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--retries", "8"]
        self._run([*pip, "--upgrade", "-r", str(PINS / "pip.txt")])
        self._run([*pip, "-r", str(PINS / self.pins)])
        self._run([str(self.python), "-m", "pip", "check"])

    def _run(self, command: list[str]) -> None:
        finished = run(f".venv/{self.name}", command, folder=ROOT, environment=clean_environment())
        if finished.status != 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise EnvironmentFailed(
                f"The environment .venv/{self.name} could not be made, this command failed:\n"
                f"  {' '.join(command)}\n{finished.output[-3000:]}"
            )

    def _key(self) -> str:
        """What the environment depends on: recipe, interpreter, every pin."""
        text = [_RECIPE, str(self.interpreter), str(self.folder)]
        files = [PINS / "pip.txt", PINS / "sdist.txt", *_with_included(PINS / self.pins)]
        text += [file.read_text() for file in files]
        return hashlib.sha256("\0".join(text).encode()).hexdigest()


def build() -> Environment:
    """ucc-gen, and the pip that installs what is shipped."""
    return Environment("build", interpreters.for_tools(), "build.txt")


def inspect() -> Environment:
    """AppInspect."""
    return Environment("inspect", interpreters.for_tools(), "inspect.txt")


def check() -> Environment:
    """ruff, mypy, import-linter."""
    return Environment("check", interpreters.for_tools(), "check.txt")


def tests() -> dict[str, Environment]:
    """One environment for each Python of 3.9 and 3.13 that is there; if there is none, one for the tools' own."""
    found = interpreters.served()
    if not found:
        python = interpreters.for_tools()
        found = {interpreters.version_of(python): python}
    return {version: Environment(f"test-{version}", path, "test.txt") for version, path in found.items()}


def coverage() -> Environment:
    """What measures what the tests go through, on the newest Python that they have."""
    return Environment("coverage", _newest(), "coverage.txt")


def mutation() -> Environment:
    """What changes the code to see whether the tests notice, on the newest Python that they have."""
    return Environment("mutation", _newest(), "mutation.txt")


def browser() -> Environment:
    """What drives Chromium, on the newest Python that the tests have."""
    return Environment("browser", _newest(), "browser.txt")


def search() -> Environment:
    """What computes the answers of searches, on the newest Python that the tests have: no pandas serves them all."""
    return Environment("search", _newest(), "search.txt")


def audit() -> Environment:
    """pip-audit."""
    return Environment("audit", interpreters.for_tools(), "audit.txt")


def fuzz() -> Environment:
    """libFuzzer for Python, on the newest Python that the tests have."""
    return Environment("fuzz", _newest(), "fuzz.txt")


def studio() -> Environment:
    """The Node that builds the page that shows dashboards."""
    return Environment("studio", interpreters.for_tools(), "studio.txt")


def bench() -> Environment:
    """What measures, draws and is compared with, on the oldest Python that the tests have, as the built add-on."""
    _, oldest = min(tests().items(), key=lambda item: int(item[0].partition(".")[2]))
    return Environment("bench", oldest.interpreter, "bench.txt")


def _newest() -> Path:
    _, newest = max(tests().items(), key=lambda item: int(item[0].partition(".")[2]))
    return newest.interpreter


def _with_included(file: Path) -> list[Path]:
    """A file of pins and those that it includes."""
    included = [line[3:].strip() for line in file.read_text().splitlines() if line.startswith("-r ")]
    return [file, *(found for name in included for found in _with_included((file.parent / name).resolve()))]


def clean_environment() -> dict[str, str]:
    """Return the environment for a build tool: nothing of the caller's Python in it, and pinned build requirements."""
    foreign = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER")
    environment = {name: value for name, value in os.environ.items() if name not in foreign}
    environment.update(
        PYTHONUTF8="1",
        PYTHONNOUSERSITE="1",
        PYTHONDONTWRITEBYTECODE="1",
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_NO_INPUT="1",
        PIP_ROOT_USER_ACTION="ignore",
        # pip splits it at blanks; an address has none.
        PIP_BUILD_CONSTRAINT=(PINS / "sdist.txt").as_uri(),
    )
    return environment


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that the operating system frees if we die."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
