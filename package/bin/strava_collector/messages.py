"""Messages in Splunk Web's menu *Messages*."""

from __future__ import annotations

import logging
from typing import Protocol

from strava_collector.errors import CollectorError
from strava_collector.logfmt import line

log = logging.getLogger(__name__)

#: Longer texts are cut; Splunk Web shows messages in a narrow list.
LONGEST_TEXT = 1000


class MessageBoard(Protocol):
    """The part of :class:`~strava_collector.splunkd.Splunkd` that is used here."""

    def post_message(self, name: str, text: str, severity: str) -> None: ...

    def delete_message(self, name: str) -> None: ...


class SplunkMessages:
    """Posts and clears messages; whatever fails is logged and forgotten."""

    def __init__(self, board: MessageBoard, *, title: str = "Webhook Add-on for Strava") -> None:
        self._board = board
        self._title = title

    def post(self, name: str, text: str, severity: str) -> None:
        """Show ``text`` under the stable ``name``; see :class:`~strava_collector.ports.Messages`."""
        text = f"{self._title}: {text}"
        if len(text) > LONGEST_TEXT:
            text = text[: LONGEST_TEXT - 1] + "…"
        try:
            self._board.post_message(name, text, severity)
        except CollectorError as error:
            log.warning(line("message_not_posted", name=name, error=str(error)))

    def clear(self, name: str) -> None:
        """Take the message away."""
        try:
            self._board.delete_message(name)
        except CollectorError as error:
            log.warning(line("message_not_cleared", name=name, error=str(error)))
