"""nginx in front of a listener: in the foreground, without root, in a folder of its own."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import Optional

from sandbox.certificates import ServerCertificate
from tests.support.waiting import until

_CONFIGURATION = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log access.log;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        {other_listen}
        ssl_certificate {certificate.cert_file};
        ssl_certificate_key {certificate.key_file};
        {block}
    }}
}}
"""


class Nginx:
    """A server on a port of its own, with a certificate of its own and one block of configuration."""

    def __init__(
        self, executable: Path, folder: Path, *, port: int, certificate: ServerCertificate, block: str
    ) -> None:
        self.folder = folder
        self.port = port
        self._executable = executable
        self._process: Optional[subprocess.Popen[bytes]] = None
        folder.mkdir()
        other_listen = f"listen [::1]:{port} ssl;" if socket.has_ipv6 else ""
        (folder / "nginx.conf").write_text(
            _CONFIGURATION.format(port=port, certificate=certificate, block=block, other_listen=other_listen)
        )

    def start(self) -> None:
        """Start, and return when it answers."""
        command = [str(self._executable), "-p", f"{self.folder}/", "-c", "nginx.conf", "-e", "stderr"]
        with (self.folder / "errors.log").open("ab") as errors:
            self._process = subprocess.Popen(command, stdout=errors, stderr=errors)
        until(self._answers)

    def stop(self) -> None:
        """Stop, at once; more than once is fine."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    @property
    def errors(self) -> str:
        """What it wrote to its error log."""
        return (self.folder / "errors.log").read_text()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.errors
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True
