"""Makes the pictures in ``docs/images`` from the built pages: ``make screenshots``.

``made-from.json`` beside them keeps what they were made from, so that a test can say when they are out of date.
"""

from __future__ import annotations

import hashlib
import json
import os
import re

from tools import chromium, environments, package
from tools.environments import PINS, ROOT
from tools.progress import exit_with, say

IMAGES = ROOT / "docs" / "images"
MADE_FROM = IMAGES / "made-from.json"

#: What the dashboards are made of.
_DASHBOARDS = ROOT / "package" / "default" / "data" / "ui" / "views"
_MACROS = ROOT / "package" / "default" / "macros.conf"

#: Scripts of ours that change how the pages look.
_HOOKS = ROOT / "package" / "appserver" / "static" / "js" / "build"


def made_from() -> dict[str, str]:
    """What the pictures depend on: a digest of each file, and the version of UCC."""
    files = [ROOT / "globalConfig.json", _MACROS, *sorted(_DASHBOARDS.glob("*.xml")), *sorted(_HOOKS.rglob("*.js"))]
    found = {
        path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
        for path in files
    }
    (ucc,) = re.findall(r"^splunk_add_on_ucc_framework==(.+)$", (PINS / "build.txt").read_text("utf-8"), re.MULTILINE)
    return {**found, "UCC": ucc}


def note_what_they_are_made_from() -> None:
    """Write it down; called when all pictures are there."""
    MADE_FROM.write_text(json.dumps(made_from(), indent=2) + "\n", "utf-8")


def main() -> int:
    """Return only if something is missing: the program that makes them takes over."""
    if chromium.ready() is None:
        say(f"No picture was made: {chromium.HOW_TO_GET_IT}.")
        return 1
    status = package.main([])
    if status != 0:
        return status
    try:
        python = environments.browser().ready()
    except environments.EnvironmentFailed as error:
        say(str(error))
        return 1
    os.chdir(ROOT)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "package" / "bin"), str(ROOT)])
    return os.execv(str(python), [str(python), "-B", "-m", "tests.browser.screenshots"])


if __name__ == "__main__":
    exit_with(main)
