"""The add-on's own log: for each search that reads it, lines that must alert and lines that must not.

The lines are made by the function that the add-on logs with, in the form of its log files, and have the fields that the
calls in its code give them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Optional

from strava_collector.job import Outcome, Reason
from strava_collector.logfmt import Value, line
from strava_collector.overview import Overview
from strava_collector.subscription_rules import State
from strava_collector.webhook import Receipt
from tests.search.answers import ANYTHING, Answer, Row
from tests.search.catalogue import LENA, MARCUS
from tests.search.truth import text_of

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
_CLUB, _HISTORY, _REST = "ta_strava_webhook_club", "ta_strava_webhook_history", "ta_strava_webhook.rest"


@dataclass(frozen=True)
class Said:
    """A line of the log."""

    #: Seconds before now.
    ago: float
    text: str
    #: The name of its file, without the ending.
    file: str = _CLUB
    level: str = "INFO"

    def as_written(self, now: float) -> str:
        """As solnlib's logger writes it."""
        at = datetime.fromtimestamp(now - self.ago, timezone.utc)
        stamp = f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03d} +0000"
        return f"{stamp} log_level={self.level} pid=4711 tid=MainThread file=some.py:do:12 | {self.text}"

    @property
    def source(self) -> str:
        return f"/opt/splunk/var/log/splunk/{self.file}.log"


@dataclass(frozen=True)
class Case:
    """What the log says, and what the search has to show then; nothing: it does not alert."""

    title: str
    what: str
    said: Sequence[Said]
    answer: Callable[[float], Answer] = field(default=lambda now: Answer([]))
    #: Where the search has no range of its own, or another one shows more.
    earliest: Optional[str] = None
    #: What splunkd's REST interface answers, by address.
    rest: Mapping[str, list[Row]] = field(default_factory=dict)
    #: Indexes that may not be searched.
    hidden: frozenset[str] = frozenset()


def said(ago: float, action: str, into: str = _CLUB, /, **fields: Value) -> Said:
    return Said(ago, line(action, **fields), into)


def _received(ago: float) -> Said:
    return said(
        ago,
        "received",
        trail="n-17",
        notification_id=17,
        activity_id=9_100_000_000_001,
        athlete_id=LENA,
        aspect="create",
        event_time=1_781_000_000,
        receipt=Receipt.ACCEPTED.value,
        waited=0.012,
    )


def _missed(ago: float, n: int, day: str = "2026-06-10", file: str = _HISTORY) -> Said:
    return said(ago, "missed_by_webhook", file, input="club", day=day, n=n, new=n, changed=0, deleted=0)


def _queue(
    ago: float,
    waiting: int = 0,
    history: int = 0,
    used: str = "5/80",
    limits: str = "100/1000",
    pause: Optional[str] = None,
) -> Said:
    found = Overview(
        waiting=waiting,
        reconciliation=0,
        history=history,
        oldest=None,
        pause=pause,
        history_pause=None,
        done_at=None,
        history_per_day=None,
        used=used,
        limits=limits,
        refusals=0,
        dead_letters=0,
        athletes=0,
    )
    return said(ago, "queue", **vars(found))


def _problem(ago: float, topic: str, error: str) -> Said:
    return said(ago, "problem", topic=topic, error=error)


def _trouble(ago: float, state: State, error: str, failures: int = 1) -> Said:
    return said(
        ago,
        "subscription_trouble",
        application="club",
        state=state.value,
        error=error,
        failures=failures,
        next_in=300.0,
    )


_KEPT = said(20 * HOUR, "subscription_kept", application="club", subscription_id=1)
_NO_ANSWER = "Strava could not be reached."


def _no_subscription(
    ago: float, state: Optional[State] = None, error: Optional[str] = None
) -> Callable[[float], Answer]:
    return lambda now: Answer(
        [
            {
                "host": ANYTHING,
                "application": "club",
                "since": text_of(now - ago),
                "state": None if state is None else state.value,
                "error": error,
            }
        ]
    )


_SOURCE = f"/opt/splunk/var/log/splunk/{_CLUB}.log"
_REFUSED = "Athlete “Lena”: Strava refuses the permission."
_ANSWER = 'Strava answered 400: "GET to verify callback does not return 200".'


def _days(now: float) -> Answer:
    rows = [
        {"day": "2026-06-10", "input": "club", "missed": 4},
        {"day": "2026-06-08", "input": "club", "missed": 1},
    ]
    return Answer(rows, order=("-day",))


def _dead(now: float) -> Answer:
    rows = [
        {
            "at": text_of(now - 20 * MINUTE),
            "host": ANYTHING,
            "what": "activity 9100000000007",
            "athlete_id": str(LENA),
            "why": "not found, 3 times",
        },
        {
            "at": text_of(now - 25 * MINUTE),
            "host": ANYTHING,
            "what": "12 jobs",
            "athlete_id": str(MARCUS),
            "why": "waited for 7 days",
        },
        {
            "at": text_of(now - 30 * MINUTE),
            "host": ANYTHING,
            "what": "notification 99",
            "athlete_id": "-",
            "why": "-",
        },
    ]
    return Answer(rows)


def _finished(ago: float, outcome: Outcome, why: Optional[str] = None) -> Said:
    return said(
        ago,
        "finished",
        trail="n-17",
        activity_id=9_100_000_000_007,
        athlete_id=LENA,
        outcome=outcome.value,
        reason=Reason.WEBHOOK.value,
        delay=3.2,
        why=why,
    )


def _erase(ago: float, activity: int, reason: str) -> Said:
    return said(
        ago,
        "erase",
        activity_id=activity,
        athlete_id=LENA,
        in_index="strava",
        start_date="2026-05-01T06:30:00Z",
        reason=reason,
    )


def _to_erase(now: float) -> Answer:
    same = {"in_index": "strava", "start_date": "2026-05-01T06:30:00Z"}
    return Answer(
        [
            {"_time": now - HOUR, "athlete_id": LENA, "activity_id": 1, "reason": "deauthorized", **same},
            {"_time": now - 3 * HOUR, "athlete_id": LENA, "activity_id": 2, "reason": "deleted", **same},
        ]
    )


def _to_erase_of_one(now: float) -> Answer:
    names = ("activity_id", "in_index", "start_date", "reason")
    return Answer([{name: row[name] for name in names} for row in _to_erase(now).rows])


_TO_ERASE = [_erase(5 * HOUR, 1, "deleted"), _erase(3 * HOUR, 2, "deleted"), _erase(HOUR, 1, "deauthorized")]


def _attempted(ago: float, result: str) -> Said:
    return said(ago, "attempted", trail="n-17", result=result, seconds=0.31, quota_before="1/2", quota_after="2/3")


def _hours(counts: dict[str, dict[int, int]]) -> Callable[[float], Answer]:
    """By column: how many there were so many hours ago; nought in all others of the last four."""
    return lambda now: Answer(
        [
            {"_time": now - hours * HOUR, **{name: by_hour.get(hours, 0) for name, by_hour in counts.items()}}
            for hours in (4, 3, 2, 1)
        ],
        order=("_time",),
    )


def _trail(now: float) -> Answer:
    rows = [
        {"_time": now - HOUR, "action": "received", "trail": "n-17", "receipt": "accepted"},
        {
            "_time": now - HOUR + 5,
            "action": "attempted",
            "trail": "n-17",
            "result": "fetched",
            "seconds": 0.31,
            "quota_after": "2/3",
        },
        {"_time": now - HOUR + 8, "action": "finished", "trail": "n-17", "outcome": "collected"},
    ]
    every = ("receipt", "meaning", "attempt", "result", "seconds", "quota_after", "outcome", "why")
    return Answer([{**dict.fromkeys(every), **row} for row in rows], order=("_time",))


def _duplicate(ago: float) -> Said:
    return said(
        ago, "received", trail="n-18", notification_id=18, athlete_id=LENA, aspect="create", receipt="duplicate"
    )


#: Searches that stand on pages, for somebody who looks at the log.
LOOKS = [
    Case(
        "docs/data.md: index=_internal source=*ta_strava_webhook_* action=erase ear",
        "an activity named twice",
        _TO_ERASE,
        _to_erase,
    ),
    Case(
        "docs/reliability.md: index=_internal source=*ta_strava_webhook_* action=erase ath",
        "an activity named twice",
        _TO_ERASE,
        _to_erase_of_one,
    ),
    Case(
        "docs/reliability.md: index=_internal source=*ta_strava_webhook_* [ search index=_",
        "one trail of two",
        [_finished(HOUR - 8, Outcome.COLLECTED), _attempted(HOUR - 5, "fetched"), _received(HOUR), _duplicate(HOUR)],
        _trail,
    ),
    Case(
        "docs/troubleshooting.md: index=_internal source=*ta_strava_webhook_* action=received ",
        "both kinds",
        [_received(2.5 * HOUR), _received(2.6 * HOUR), _duplicate(0.5 * HOUR)],
        _hours({"accepted": {3: 2}, "duplicate": {1: 1}}),
        "-4h@h",
    ),
    Case(
        "docs/troubleshooting.md: index=_internal source=*ta_strava_webhook_* action=attempted",
        "two results",
        [_attempted(3.5 * HOUR, "fetched"), _attempted(1.5 * HOUR, "noanswer")],
        _hours({"fetched": {4: 1}, "noanswer": {2: 1}}),
        "-4h@h",
    ),
    Case(
        "docs/troubleshooting.md: index=_internal source=*ta_strava_webhook_* action=received  (again)",
        "two of three",
        [_received(2.5 * HOUR), _duplicate(0.4 * HOUR), _duplicate(0.5 * HOUR)],
        _hours({"count": {1: 2}}),
        "-4h@h",
    ),
]

CASES = [
    Case(
        "Is anything missing",
        "two days",
        [_missed(10 * HOUR, 2), _missed(HOUR, 4), _missed(2 * DAY, 1, "2026-06-08"), _received(HOUR)],
        _days,
    ),
    Case("Is anything missing", "nothing is", [_received(HOUR)]),
    Case(
        "Strava alert webhook silent",
        "misses, and no notification",
        [_missed(5 * HOUR, 3), _missed(4 * HOUR, 5)],
        lambda now: Answer([{"webhook": "club", "day": "2026-06-10", "missed": 5, "notifications": 0}]),
    ),
    Case("Strava alert webhook silent", "a notification after the misses", [_missed(5 * HOUR, 3), _received(HOUR)]),
    Case("Strava alert webhook silent", "quiet all day", []),
    Case(
        "Strava alert webhook silent",
        "another input hears",
        [_missed(5 * HOUR, 3), Said(HOUR, _received(HOUR).text, "ta_strava_webhook_other")],
        lambda now: Answer([{"webhook": "club", "day": "2026-06-10", "missed": 3, "notifications": 0}]),
    ),
    Case(
        "Strava alert athlete needs to reconnect",
        "refused, as one of two",
        [
            _problem(5 * HOUR, f"athlete_{LENA}", _REFUSED),
            _problem(9 * HOUR, f"athlete_{MARCUS}", "Strava refuses."),
            said(3 * HOUR, "reconnected", athlete_id=MARCUS),
        ],
        lambda now: Answer([{"athlete": str(LENA), "since": text_of(now - 5 * HOUR), "error": _REFUSED}]),
    ),
    Case(
        "Strava alert athlete needs to reconnect",
        "solved, deleted, or of something else",
        [
            _problem(5 * HOUR, f"athlete_{LENA}", _REFUSED),
            said(HOUR, "problem_solved", topic=f"athlete_{LENA}"),
            _problem(6 * HOUR, f"athlete_{MARCUS}", _REFUSED),
            said(5 * HOUR, "athlete_deleted", _REST, name="Marcus", athlete_id=MARCUS),
            _problem(HOUR, "certificate", "The certificate ends."),
        ],
    ),
    Case(
        "Strava alert certificate expires",
        "one of two files ends",
        [
            said(30 * HOUR, "certificate", days=14, cert_file="/opt/certs/club.pem"),
            said(6 * HOUR, "certificate", days=13, cert_file="/opt/certs/club.pem"),
            said(6 * HOUR, "certificate", days=60, cert_file="/opt/certs/other.pem"),
        ],
        lambda now: Answer([{"host": ANYTHING, "cert_file": "/opt/certs/club.pem", "days": 13}]),
    ),
    Case(
        "Strava alert certificate expires",
        "it has been renewed",
        [
            said(6 * HOUR, "certificate", days=3, cert_file="/opt/certs/club.pem"),
            said(5 * HOUR, "certificate", days=89, cert_file="/opt/certs/club.pem"),
        ],
    ),
    Case(
        "Strava alert queue grows",
        "live ones wait",
        [
            _queue(55 * MINUTE, waiting=20),
            _queue(30 * MINUTE, waiting=700, history=640),
            _queue(2 * MINUTE, waiting=90, pause="paused until 14:15 UTC, day limit"),
        ],
        lambda now: Answer(
            [
                {
                    "host": ANYTHING,
                    "source": _SOURCE,
                    "before": 20,
                    "live": 90,
                    "pause": "paused until 14:15 UTC, day limit",
                }
            ]
        ),
    ),
    Case("Strava alert queue grows", "it shrinks", [_queue(55 * MINUTE, waiting=120), _queue(2 * MINUTE, waiting=80)]),
    Case(
        "Strava alert queue grows",
        "only history waits",
        [_queue(55 * MINUTE, waiting=20), _queue(2 * MINUTE, waiting=900, history=880)],
    ),
    Case(
        "Strava alert daily limit nearly used",
        "nine tenths",
        [_queue(10 * MINUTE, used="5/700"), _queue(5 * MINUTE, used="30/905")],
        lambda now: Answer(
            [{"host": ANYTHING, "source": _SOURCE, "used_day": 905, "limit_day": 1_000, "percent": 90.5}],
            rounded={"percent": 0},
        ),
    ),
    Case(
        "Strava alert daily limit nearly used",
        "the quarter hour is used, not the day",
        [_queue(5 * MINUTE, used="99/500")],
    ),
    Case(
        "Strava alert daily limit nearly used",
        "yesterday's",
        [_queue(10 * MINUTE, used="3/980"), _queue(MINUTE, used="3/4")],
    ),
    Case(
        "Strava alert dead letters",
        "each kind",
        [
            _finished(20 * MINUTE, Outcome.DEAD_LETTER, "not found, 3 times"),
            said(25 * MINUTE, "given_up", athlete_id=MARCUS, jobs=12, why="waited for 7 days"),
            said(30 * MINUTE, "notification_set_aside", notification_id=99, error="KeyError"),
        ],
        _dead,
    ),
    Case("Strava alert dead letters", "all has been collected", [_finished(20 * MINUTE, Outcome.COLLECTED)]),
    Case(
        "Strava alert subscription missing",
        "trouble",
        [_KEPT, _trouble(3 * HOUR, State.NOT_200, _ANSWER)],
        _no_subscription(3 * HOUR, State.NOT_200, _ANSWER),
    ),
    Case(
        "Strava alert subscription missing",
        "gone at Strava's",
        [said(HOUR, "subscription_missing", application="club", subscription_id=1)],
        _no_subscription(HOUR),
    ),
    Case(
        "Strava alert subscription missing",
        "looks that fail may pass",
        [
            _KEPT,
            _trouble(3 * HOUR, State.OUTAGE, "Strava answered 503."),
            _trouble(2 * HOUR, State.UNREACHABLE, _NO_ANSWER, 2),
        ],
    ),
    Case(
        "Strava alert subscription missing",
        "they do not pass",
        [_KEPT, _trouble(2 * HOUR, State.UNREACHABLE, _NO_ANSWER, 2), _trouble(HOUR, State.LIMITED, "Used up.", 3)],
        _no_subscription(HOUR, State.LIMITED, "Used up."),
    ),
    Case(
        "Strava alert subscription missing",
        "gone, and then Strava cannot be asked",
        [
            said(2 * HOUR, "subscription_missing", application="club", subscription_id=1),
            _trouble(HOUR, State.UNREACHABLE, _NO_ANSWER),
        ],
        _no_subscription(2 * HOUR),
    ),
    Case(
        "Strava alert subscription missing",
        "made again, or only waiting",
        [
            said(HOUR, "subscription_missing", application="club", subscription_id=1),
            said(HOUR - 2, "subscription_created", application="club", subscription_id=2, why="there was none"),
            said(
                2 * HOUR,
                "subscription_trouble",
                application="second",
                state=State.WAITING.value,
                error="-",
                failures=0,
                next_in=9.0,
            ),
        ],
    ),
]
