"""Makes pictures of the dashboards as the sources are now, over the sample's training.

    PYTHONPATH=package/bin:. .venv/browser/bin/python -B -m tests.browser.dashboards --view strava_overview --out x.png

Several of --view, --case, --theme and --width make a picture of each combination; --out is a folder then. What the
browser complains about and searches that cannot be run are printed, and make the exit status 1.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from sandbox.certificates import Certificates
from sandbox.splunk_web.preview import Preview
from tests.browser import studio
from tools import chromium
from tools import studio as framework


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Pictures of the dashboards.")
    parser.add_argument("--view", nargs="+", default=None, help="names without .xml; all unless given")
    parser.add_argument("--case", nargs="+", choices=studio.CASES, default=["full"])
    parser.add_argument("--theme", nargs="+", choices=("light", "dark"), default=["light"])
    parser.add_argument("--width", nargs="+", type=int, default=[studio.WIDTH])
    parser.add_argument("--token", action="append", default=[], metavar="NAME=VALUE", help="also time.earliest=-7d@d")
    parser.add_argument("--package", type=Path, default=studio.PACKAGE, help="with default/data/ui/views in it")
    parser.add_argument("--out", type=Path, required=True, help="a file, or a folder for several")
    given = parser.parse_args(arguments)
    wanted = list(itertools.product(given.view or studio.views(given.package), given.case, given.theme, given.width))
    tokens = dict(one.partition("=")[::2] for one in given.token)
    complaints: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="strava-dashboards-") as folder,
        Preview(given.package, Certificates(Path(folder)), framework.ready(), studio.sample()) as preview,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
        for view, case, theme, width in wanted:
            context = studio.window(browser, width)
            page = context.new_page()
            _listen(page, complaints)
            studio.show(page, preview, view, case, theme, tokens)
            file = given.out if given.out.suffix == ".png" else given.out / f"{view}-{case}-{theme}-{width}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=file)
            context.close()
            complaints += preview.take_unknown()
            print(file, *complaints, sep="\n  ", flush=True)
            status = 1 if complaints else 0
            complaints.clear()
        browser.close()
    return status


def _listen(page: Page, complaints: list[str]) -> None:
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(f"exception in the page: {error}"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
