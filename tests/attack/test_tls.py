"""TLS itself: what a client may ask for after the handshake, and what a scanner finds."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from sandbox.patience import patience
from tests.attack.conftest import Besiege
from tests.attack.extent import Extent
from tests.attack.victim import Victim
from tools import testssl

#: So begin the names of findings about the certificate, which a throw-away authority made, and not the listener.
OF_THE_CERTIFICATE = "cert_"
#: The severities that are a failure.
ABOVE_LOW = ("MEDIUM", "HIGH", "CRITICAL", "FATAL")


def typed_into_openssl(victim: Victim, version: str, typed: str, times: int) -> subprocess.CompletedProcess[str]:
    """What openssl's client does with this connection; it takes a line with one letter for a command."""
    command = ["openssl", "s_client", f"-{version}", "-connect", f"127.0.0.1:{victim.port}", "-servername", "localhost"]
    return subprocess.run(
        command, input=typed * times, capture_output=True, text=True, timeout=patience(60), check=False
    )


needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl on this host")


@needs_openssl
def test_renegotiation(victim: Victim, besiege: Besiege) -> None:
    tries = 0
    with besiege() as siege:
        while siege.goes_on:
            done = typed_into_openssl(victim, "tls1_2", "R\n", 10)
            assert "RENEGOTIATING" in done.stdout + done.stderr
            assert "no renegotiation" in done.stderr, done.stderr[-2000:]
            tries += 1
        siege.got = f"{tries} × refused with an alert of TLS"


@needs_openssl
def test_new_keys_without_end(victim: Victim, besiege: Besiege) -> None:
    with besiege() as siege:
        rounds = 0
        while siege.goes_on:
            done = typed_into_openssl(victim, "tls1_3", "K\n", 1_000)
            assert "KEYUPDATE" in done.stdout + done.stderr
            rounds += 1
        siege.got = f"{rounds} × closed, or nothing"


def test_a_scanner_finds_nothing_above_low(victim: Victim, extent: Extent, tmp_path: Path) -> None:
    if extent.p99 is None:
        pytest.skip("it takes five minutes: `make attack` runs it")
    program = testssl.ready()
    if program is None:
        pytest.skip(testssl.HOW_TO_GET_IT)
    report = tmp_path / "testssl.json"
    command = [str(program), "--quiet", "--color", "0", "--warnings", "batch", "--ip", "127.0.0.1"]
    trusted = ["--add-ca", str(victim.sandbox.certificates.ca_file)]
    target = ["--jsonfile", str(report), f"localhost:{victim.port}"]
    # Its exit status counts findings of every kind.
    subprocess.run([*command, *trusted, *target], capture_output=True, timeout=patience(600), check=False)
    findings = json.loads(report.read_text())
    assert len(findings) > 100, "it has not got far"
    ours = [
        (one["severity"], one["id"], one["finding"])
        for one in findings
        if one["severity"] in ABOVE_LOW and not one["id"].startswith(OF_THE_CERTIFICATE)
    ]
    assert ours == []
    print("\n".join(f"{one['severity']} {one['id']}: {one['finding']}" for one in findings if one["severity"] == "LOW"))
