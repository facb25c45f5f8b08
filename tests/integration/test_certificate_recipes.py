"""The scripts of docs/certificates.md, run as they stand there."""

from __future__ import annotations

import grp
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from sandbox.certificates import Certificates
from sandbox.patience import patience
from tests.support.certbot import CertbotFolder
from tests.support.doc_blocks import block

NAME = "rides.example.com"
#: The lines that the page tells its reader to change.
OWN_NAME = f"name={NAME}\n"
OWN_GROUP = "group=splunk\n"
OWN_FOLDER = "folder=/etc/ssl/strava\n"


class Hook:
    """The deploy script of the page, with a group and a folder that are here, and certbot's folder for it."""

    def __init__(self, folder: Path) -> None:
        self.certificates = Certificates(folder / "authority")
        self.certbot = CertbotFolder(folder / "letsencrypt", NAME, self.certificates.issue("first", NAME))
        self.copies = folder / "etc" / "ssl" / "strava"
        self.copies.parent.mkdir(parents=True)
        text = block("certificates.md", "Certbot on this host", "sh")
        for line in (OWN_NAME, OWN_GROUP, OWN_FOLDER):
            assert line in text
        group = grp.getgrgid(os.getgid()).gr_name
        text = text.replace(OWN_GROUP, f"group={group}\n").replace(OWN_FOLDER, f"folder={self.copies}\n")
        self.script = folder / "strava"
        self.script.write_text(text)
        self.script.chmod(0o755)

    def run(self, lineage: Path) -> subprocess.CompletedProcess[str]:
        """Run it as certbot does."""
        surroundings = {"PATH": os.environ["PATH"], "RENEWED_LINEAGE": str(lineage)}
        return subprocess.run(
            [str(self.script)],
            env=surroundings,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=patience(30),
            check=False,
        )


@pytest.fixture
def hook(tmp_path: Path) -> Hook:
    if shutil.which("install") is None:
        pytest.skip("this host has no install(1)")
    return Hook(tmp_path)


def test_the_deploy_script_makes_copies_that_only_the_group_may_read(hook: Hook) -> None:
    finished = hook.run(hook.certbot.live)
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
    assert sorted(path.name for path in hook.copies.iterdir()) == ["fullchain.pem", "privkey.pem"]
    assert stat.S_IMODE(hook.copies.stat().st_mode) == 0o750
    for name in ("fullchain.pem", "privkey.pem"):
        copy = hook.copies / name
        assert not copy.is_symlink()
        assert copy.read_bytes() == (hook.certbot.live / name).read_bytes()
        assert stat.S_IMODE(copy.stat().st_mode) == 0o640


def test_the_deploy_script_replaces_the_copies_by_the_renewed_ones(hook: Hook) -> None:
    hook.run(hook.certbot.live)
    before = (hook.copies / "privkey.pem").stat().st_ino
    hook.certbot.renew(hook.certificates.issue("second", NAME))
    assert hook.run(hook.certbot.live).returncode == 0
    assert (hook.copies / "fullchain.pem").read_bytes() == hook.certbot.cert_file.read_bytes()
    assert (hook.copies / "privkey.pem").read_bytes() == hook.certbot.key_file.read_bytes()
    assert (hook.copies / "privkey.pem").stat().st_ino != before  # renamed into its place, never half written
    assert len(list(hook.copies.iterdir())) == 2


def test_the_deploy_script_leaves_other_certificates_alone(hook: Hook) -> None:
    finished = hook.run(hook.certbot.live.parent / "www.example.com")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert not hook.copies.exists()


def test_the_deploy_script_replaces_nothing_if_a_file_is_missing(hook: Hook) -> None:
    hook.run(hook.certbot.live)
    key = (hook.copies / "privkey.pem").read_bytes()
    hook.certbot.renew(hook.certificates.issue("second", NAME))
    hook.certbot.cert_file.unlink()
    assert hook.run(hook.certbot.live).returncode != 0
    assert (hook.copies / "privkey.pem").read_bytes() == key
