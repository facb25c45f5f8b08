"""Pages of ``GET /athlete/activities``.

``before`` and ``after`` are epoch seconds and exclude themselves. Without ``after`` a page begins with the newest
activity; with it, alone or together with ``before``, with the oldest. A page beyond the end is ``[]``.
"""

from __future__ import annotations

import json

from sandbox.strava.activities import Activity, ActivityBook
from sandbox.strava.activity_json import summary
from sandbox.strava.exchange import Answer, Call, bad_parameter, whole_number
from sandbox.strava.oauth import Grant

#: Entries on a page: the most, and how many unless the caller says otherwise.
_MOST, _USUAL = 200, 30
_FOR_EVER = 2**62


class Listing:
    """Answers with pages; an entry is written anew only after a change of its activity."""

    def __init__(self, book: ActivityBook, seed: int) -> None:
        self._book = book
        self._seed = seed
        #: By the activity's id: the version that was written, and its text.
        self._entries: dict[int, tuple[int, bytes]] = {}

    def page(self, call: Call, grant: Grant) -> Answer:
        """The page that the call asks for, of what the permission reaches."""
        after, before = _number(call, "after", -1), _number(call, "before", _FOR_EVER)
        page, per_page = _number(call, "page", 1), _number(call, "per_page", _USUAL)
        if not 1 <= per_page <= _MOST:
            raise bad_parameter("Application", "per_page")
        if page < 1:
            raise bad_parameter("Application", "page")
        found = self._book.listed_for(grant, after=after, before=before)
        shown = found.page(page, per_page, newest_first="after" not in call.query)
        return Answer(200, b"[" + b",".join(map(self._entry, shown)) + b"]")

    def _entry(self, activity: Activity) -> bytes:
        version, text = self._entries.get(activity.id, (0, b""))
        if version != activity.version:
            content = summary(activity, self._seed)
            text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
            self._entries[activity.id] = activity.version, text
        return text


def _number(call: Call, name: str, default: int) -> int:
    return whole_number(call.query.get(name), "Application", name, default)
