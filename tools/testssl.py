"""The scanner that ``make attack`` points at the listener."""

from __future__ import annotations

from tools.debian import Program

HOW_TO_GET_IT = (
    "there is no testssl.sh on this host (Debian: apt-get install testssl.sh, macOS: brew install testssl; or name "
    "another one's path in the variable TESTSSL)"
)

_TESTSSL = Program(
    title="testssl.sh",
    # Debian calls it by the first name, its authors by the second.
    names=("testssl", "testssl.sh"),
    variable="TESTSSL",
    packages=("testssl.sh",),
)
find, ready = _TESTSSL.find, _TESTSSL.ready
