"""`storage/passwords`: one encrypted value of at most 255 characters per `realm:user:`."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from .configuration import Configuration
from .entities import Entity, RestFault

COLLECTION = "storage/passwords"
#: solnlib splits longer ones because splunkd does not take them.
LONGEST = 255
_CONF = "passwords"


class Passwords:
    """Kept in passwords.conf of the app, encrypted with a key below `etc/auth`.

    The cipher is good enough to keep clear text out of files, which is all that is asked of a stand-in.
    """

    def __init__(self, configuration: Configuration, auth: Path) -> None:
        self._configuration = configuration
        secret = auth / "splunk.secret"
        if not secret.is_file():
            descriptor = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32))
        self._key = secret.read_bytes()

    def all(self) -> list[Entity]:
        stanzas = self._configuration.read(_CONF).values()
        return [
            self._entity(stanza.app, stanza.settings, stanza.name[len("credential:") :])
            for stanza in stanzas
            if stanza.name.startswith("credential:")
        ]

    def find(self, name: str) -> Entity:
        """The entry `realm:user:`.

        Raises:
            RestFault: 404.
        """
        for entity in self.all():
            if entity.name == name:
                return entity
        raise RestFault(404, f"Could not find object id={name}")

    def create(self, app: str, arguments: Mapping[str, Sequence[str]]) -> Entity:
        """Store a new one; 409 if the name is taken."""
        user = _first(arguments, "name")
        realm = _first(arguments, "realm")
        if not user:
            raise RestFault(400, "The following required arguments are missing: name.")
        value = _value(arguments)
        name = f"{_escape(realm)}:{_escape(user)}:"
        if self._configuration.find(_CONF, f"credential:{name}"):
            raise RestFault(409, f"An object with name={name} already exists")
        settings = {"username": user, "realm": realm, "password": self._encrypt(value)}
        self._configuration.write(_CONF, app, f"credential:{name}", settings)
        return self.find(name)

    def update(self, name: str, arguments: Mapping[str, Sequence[str]]) -> Entity:
        """Replace the value in one step; only `password` may be given."""
        entity = self.find(name)
        unknown = sorted(set(arguments) - {"password"})
        if unknown:
            raise RestFault(400, f'Argument "{unknown[0]}" is not supported by this handler.')
        settings = {"password": self._encrypt(_value(arguments))}
        self._configuration.write(_CONF, entity.app, f"credential:{name}", settings)
        return self.find(name)

    def remove(self, name: str) -> None:
        entity = self.find(name)
        self._configuration.remove(_CONF, entity.app, f"credential:{name}")

    def _entity(self, app: str, settings: Mapping[str, str], name: str) -> Entity:
        content = {
            "clear_password": self._decrypt(settings["password"]),
            "encr_password": settings["password"],
            "password": "********",
            "realm": settings.get("realm") or None,
            "username": settings["username"],
            "eai:appName": app,
            "eai:userName": "nobody",
        }
        return Entity(name, content, COLLECTION, app=app)

    def _encrypt(self, clear: str) -> str:
        nonce = secrets.token_bytes(16)
        text = clear.encode()
        mixed = bytes(a ^ b for a, b in zip(text, self._stream(nonce, len(text))))
        return "$sandbox$" + base64.b64encode(nonce + mixed).decode()

    def _decrypt(self, encrypted: str) -> str:
        raw = base64.b64decode(encrypted[len("$sandbox$") :])
        nonce, mixed = raw[:16], raw[16:]
        return bytes(a ^ b for a, b in zip(mixed, self._stream(nonce, len(mixed)))).decode()

    def _stream(self, nonce: bytes, length: int) -> bytes:
        blocks = range(length // 32 + 1)
        stream = (hmac.new(self._key, nonce + bytes([block]), hashlib.sha256).digest() for block in blocks)
        return b"".join(stream)


def _first(arguments: Mapping[str, Sequence[str]], name: str) -> str:
    return (arguments.get(name) or [""])[0]


def _escape(part: str) -> str:
    """A colon separates the parts of the name, so one inside a part is marked."""
    return part.replace(":", "\\:")


def _value(arguments: Mapping[str, Sequence[str]]) -> str:
    value = _first(arguments, "password")
    if not value:
        raise RestFault(400, "The following required arguments are missing: password.")
    if len(value) > LONGEST:
        raise RestFault(400, f"A password can have at most {LONGEST} characters.")
    return value
