"""The browser that the tests in ``tests/browser`` drive."""

from __future__ import annotations

from tools.debian import Program

HOW_TO_GET_IT = (
    "there is no Chromium on this host (Debian: apt-get install chromium-headless-shell, "
    "macOS: brew install --cask chromium; or name another one's path in the variable CHROMIUM)"
)

#: What it is started with: no name is looked up in the network, so that nothing leaves this computer. Without the
#: sandbox of Chromium's own, because root may not use it, and all pages are ours.
FLAGS = (
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
    "--no-sandbox",
    "--disable-dev-shm-usage",
)

_CHROMIUM = Program(
    title="Chromium",
    # The first is Chromium without a desktop's part, which nobody sees here: the tests take a quarter less of CPU.
    names=(
        "chromium-headless-shell",
        "chromium",
        "chromium-browser",
        "google-chrome-stable",
        "google-chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ),
    variable="CHROMIUM",
    packages=("chromium-headless-shell", "fonts-dejavu-core"),
)
find, ready = _CHROMIUM.find, _CHROMIUM.ready
