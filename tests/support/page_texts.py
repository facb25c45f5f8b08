"""What UCC's pages show of a refusal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: As UCC's page takes a handler's own message out of what splunkd says (6.6.0, `entry_page.js`).
_OF_A_HANDLER = re.compile(
    r'.+"REST Error \[[\d]+\]:\s+.+\s+--\s+([\s\S]*)"\.\s*See splunkd\.log(/python.log)? for more details\.'
)


def shown(answer: Mapping[str, Any]) -> str:
    """The text that the page shows for an answer with `messages`."""
    text = str(answer["messages"][0]["text"])
    found = _OF_A_HANDLER.match(text)
    return found.group(1) if found else text
