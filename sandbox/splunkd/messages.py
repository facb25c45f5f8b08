"""The bulletin: messages that Splunk Web shows to everybody."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .entities import Entity, RestFault

COLLECTION = "messages"
_SEVERITIES = ("info", "warn", "error")


@dataclass(frozen=True)
class Message:
    """One message; its name is its identity."""

    name: str
    value: str
    severity: str


class Messages:
    """Kept in memory: a restart of splunkd forgets them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: dict[str, Message] = {}

    def all(self) -> list[Message]:
        with self._lock:
            return list(self._messages.values())

    def entities(self) -> list[Entity]:
        return [_entity(message) for message in self.all()]

    def find(self, name: str) -> Entity:
        with self._lock:
            message = self._messages.get(name)
        if message is None:
            raise RestFault(404, f"Could not find object id={name}")
        return _entity(message)

    def create(self, arguments: Mapping[str, Sequence[str]]) -> Entity:
        """Post a message; one of the same name is replaced."""
        given = {name: (values or [""])[0] for name, values in arguments.items()}
        if not given.get("name") or not given.get("value"):
            raise RestFault(400, "The following required arguments are missing: name, value.")
        severity = given.get("severity") or "info"
        if severity not in _SEVERITIES:
            raise RestFault(400, f"severity must be one of {', '.join(_SEVERITIES)}.")
        message = Message(given["name"], given["value"], severity)
        with self._lock:
            self._messages[message.name] = message
        return _entity(message)

    def remove(self, name: str) -> None:
        self.find(name)
        with self._lock:
            self._messages.pop(name, None)


def _entity(message: Message) -> Entity:
    content = {"message": message.value, message.name: message.value, "severity": message.severity}
    return Entity(message.name, content, COLLECTION)
