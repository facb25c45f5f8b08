"""A private public-key infrastructure, as a stranger to it meets one: root, intermediate, servers.

The files are what an operator has on disk. The root is never handed to a server: a client that trusts only
``ca_file`` can build the path only if the server sends its intermediate, as with a public CA.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import trustme

#: The names under which everything in the sandbox is reached.
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class ServerCertificate:
    """The files of one server."""

    #: The server's certificate, then the intermediate; what ``cert_file`` should name.
    cert_file: Path
    #: Its unencrypted ECDSA P-256 key.
    key_file: Path
    #: The server's certificate alone: the classic mistake of forgetting the intermediate.
    leaf_file: Path


class Certificates:
    """A root, an intermediate below it, and the certificates that the intermediate signs.

    ``folder`` is created if it is not there and receives ``ca.pem`` and, per server, ``<name>.pem``,
    ``<name>-key.pem`` (mode 0600) and ``<name>-leaf.pem``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        root = trustme.CA(organization_name="Sandbox", organization_unit_name="Sandbox root CA")
        self._intermediate = root.create_child_ca()
        #: The root's certificate: what clients are told to trust.
        self.ca_file = folder / "ca.pem"
        root.cert_pem.write_to_path(str(self.ca_file))
        self.intermediate_file = folder / "intermediate.pem"
        self._intermediate.cert_pem.write_to_path(str(self.intermediate_file))

    def issue(
        self,
        name: str,
        *hosts: str,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> ServerCertificate:
        """Make a server certificate for ``hosts`` (default: loopback) and write its files under ``name``.

        The dates allow certificates that are not valid yet or no longer.
        """
        leaf = self._intermediate.issue_cert(
            *(hosts or LOOPBACK),
            common_name=(hosts or LOOPBACK)[0],
            organization_unit_name=name,
            not_before=not_before,
            not_after=not_after,
        )
        files = ServerCertificate(
            cert_file=self._folder / f"{name}.pem",
            key_file=self._folder / f"{name}-key.pem",
            leaf_file=self._folder / f"{name}-leaf.pem",
        )
        files.cert_file.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        files.leaf_file.write_bytes(leaf.cert_chain_pems[0].bytes())
        files.key_file.touch(mode=0o600)
        files.key_file.write_bytes(leaf.private_key_pem.bytes())
        return files

    def server_context(self, name: str, *hosts: str) -> ssl.SSLContext:
        """A TLS context for a server with a new certificate."""
        files = self.issue(name, *hosts)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(files.cert_file, files.key_file)
        return context

    def client_context(self) -> ssl.SSLContext:
        """A TLS context for a client that trusts the root, and nothing else."""
        return ssl.create_default_context(cafile=str(self.ca_file))
