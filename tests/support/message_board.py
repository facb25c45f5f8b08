"""Splunk Web's messages, in memory."""

from __future__ import annotations


class MessageBoard:
    """What a user would see in the menu *Messages*."""

    def __init__(self) -> None:
        #: Text by name.
        self.shown: dict[str, str] = {}
        #: Severity by name.
        self.severities: dict[str, str] = {}

    def post(self, name: str, text: str, severity: str) -> None:
        self.shown[name] = text
        self.severities[name] = severity

    def clear(self, name: str) -> None:
        self.shown.pop(name, None)
        self.severities.pop(name, None)

    def by_topic(self) -> dict[str, str]:
        """The texts by the last word of their names."""
        return {name.rpartition("_")[2]: text for name, text in self.shown.items()}
