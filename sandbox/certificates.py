"""A private public-key infrastructure, as a stranger to it meets one: root, intermediate, servers.

The files are what an operator has on disk. The root is never handed to a server: a client that trusts only
``ca_file`` can build the path only if the server sends its intermediate, as with a public CA.
"""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

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
        self._intermediate = trustme.CA(
            parent_cert=root,
            path_length=0,
            organization_name="Sandbox",
            organization_unit_name="Sandbox intermediate CA",
        )
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
        chain = [blob.bytes() for blob in leaf.cert_chain_pems]
        return self._write(name, b"".join(chain), chain[0], leaf.private_key_pem.bytes())

    def self_signed(self, name: str, *hosts: str) -> ServerCertificate:
        """Make a certificate that nobody but itself vouches for, as people make it with one line of openssl."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, (hosts or LOOPBACK)[0])])
        now = datetime.now(timezone.utc)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=365))
            .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts or LOOPBACK]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        plain = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        return self._write(name, pem, pem, plain)

    def encrypt_key(self, files: ServerCertificate) -> Path:
        """Write the key once more, with a passphrase, beside the plain one."""
        key = serialization.load_pem_private_key(files.key_file.read_bytes(), None)
        encrypted = files.key_file.with_name(f"{files.key_file.stem}-encrypted.pem")
        encrypted.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(b"sandbox"),
            )
        )
        return encrypted

    def _write(self, name: str, chain: bytes, leaf: bytes, key: bytes) -> ServerCertificate:
        files = ServerCertificate(
            cert_file=self._folder / f"{name}.pem",
            key_file=self._folder / f"{name}-key.pem",
            leaf_file=self._folder / f"{name}-leaf.pem",
        )
        files.cert_file.write_bytes(chain)
        files.leaf_file.write_bytes(leaf)
        files.key_file.touch(mode=0o600)
        files.key_file.write_bytes(key)
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


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
