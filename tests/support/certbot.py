"""Certificates as certbot keeps them: each in ``archive/<name>`` under a number, ``live/<name>`` links to the last."""

from __future__ import annotations

from pathlib import Path

from sandbox.certificates import ServerCertificate


class CertbotFolder:
    """A folder like ``/etc/letsencrypt`` with one certificate."""

    def __init__(self, folder: Path, name: str, first: ServerCertificate) -> None:
        self.live = folder / "live" / name
        self._archive = folder / "archive" / name
        for made in (self.live, self._archive):
            made.mkdir(parents=True)
        self._number = 0
        self.cert_file = self.live / "fullchain.pem"
        self.key_file = self.live / "privkey.pem"
        self.renew(first)

    def renew(self, issued: ServerCertificate) -> None:
        """Store another certificate and let the links lead to it, as certbot does: one after the other."""
        self.store(issued)
        self.link("privkey")
        self.link("fullchain")

    def store(self, issued: ServerCertificate) -> None:
        """Only store it under the next number."""
        self._number += 1
        for kind, source in (("privkey", issued.key_file), ("fullchain", issued.cert_file)):
            stored = self._archive / f"{kind}{self._number}.pem"
            stored.write_bytes(source.read_bytes())
            stored.chmod(0o600)

    def link(self, kind: str) -> None:
        """Let one link, ``privkey`` or ``fullchain``, lead to what was stored last."""
        link = self.live / f"{kind}.pem"
        link.unlink(missing_ok=True)
        link.symlink_to(f"../../archive/{self.live.name}/{kind}{self._number}.pem")
