"""The dashboard Operations, continued: where a ride is, whether there is a log at all, and what this host says."""

from __future__ import annotations

from typing import Optional

from strava_collector.job import Outcome
from tests.search.answers import ANYTHING, Row
from tests.search.catalogue import LENA
from tests.search.expectations.alerts import DAY, HOUR, MINUTE, Said, said
from tests.search.expectations.dashboard_lines import (
    OTHER,
    RIDE,
    at,
    case,
    finished,
    postponed,
    queue,
    received,
    warned,
)
from tests.search.rest_answers import ATHLETES, COUNTS, LISTS, SET_UP, WEBHOOK, WHO_AM_I


def _dispatched(ago: float, meaning: str = "changed", reason: Optional[str] = None) -> Said:
    return said(ago, "dispatched", trail="n-17", notification_id=17, meaning=meaning, job=5, reason=reason)


def _attempted(ago: float, result: str) -> Said:
    return said(ago, "attempted", trail="n-17", result=result, seconds=0.31, quota_before="1/2", quota_after="2/3")


_CLAIMED = said(HOUR - 2, "claimed", trail="n-17", job=5, activity_id=RIDE, attempt=1, waited=0.04)
_WRITTEN = said(HOUR - 3.5, "written", trail="n-17", to_index="strava")
_NOTIFIED = [received(HOUR, HOUR + 4), _dispatched(HOUR)]
_WHOLE = [*_NOTIFIED, _CLAIMED, _attempted(HOUR - 3.5, "fetched"), _WRITTEN, finished(HOUR - 3.5)]
#: Others' lines, which are not to be found.
_OTHERS = [received(MINUTE, MINUTE, "n-99", OTHER), finished(30.0, "n-99", activity=OTHER), queue(2 * MINUTE)]


def _place(place: str, sentence: object, activity: object = RIDE) -> list[Row]:
    return [{"Activity": activity, "Where it is": place, "What that means": sentence}]


_RIDE = [
    case(
        "Where is my ride",
        "given to splunkd",
        [*_WHOLE, *_OTHERS],
        _place("Given to splunkd", f"Since {at(HOUR - 3.5, '%Y-%m-%d %H:%M:%S')}, 3.5 s after its notification."),
    ),
    case(
        "Where is my ride",
        "a list found it",
        [finished(HOUR), *_OTHERS],
        _place(
            "Given to splunkd",
            f"Since {at(HOUR, '%Y-%m-%d %H:%M:%S')}. No notification led to it, but a list or somebody's wish.",
        ),
    ),
    case(
        "Where is my ride",
        "it waits for the limit",
        [*_NOTIFIED, queue(MINUTE, 1, pause="paused until 18:15 UTC, quarter-hour limit")],
        _place("Waits for its fetch", "For 60 min. All fetches are paused until 18:15 UTC, quarter-hour limit."),
    ),
    case(
        "Where is my ride",
        "it waits for its turn",
        [*_NOTIFIED, queue(MINUTE, 1)],
        _place(
            "Waits for its fetch",
            "For 60 min. Its turn comes when it has settled and those before it are done: see the panel What needs "
            "attention.",
        ),
    ),
    case(
        "Where is my ride",
        "the athlete is not connected",
        [received(HOUR, HOUR), _dispatched(HOUR, "held", "unknown athlete"), *_OTHERS],
        _place(
            "Held",
            "The athlete is not connected. Connect the athlete (Configuration → Athletes): it goes on within a minute, "
            "for up to 7 days.",
        ),
    ),
    case(
        "Where is my ride",
        "its subscription is not known",
        [received(HOUR, HOUR), _dispatched(HOUR, "held", "foreign subscription"), *_OTHERS],
        _place("Held", "Its subscription is not known yet; Strava is asked, and it goes on by itself."),
    ),
    case(
        "Where is my ride",
        "it is tried again",
        [*_NOTIFIED, _CLAIMED, postponed(MINUTE, 240, "Strava answered 503."), *_OTHERS],
        _place(
            "Waits for another try",
            f"Strava answered 503. It is tried again at {at(-180, '%Y-%m-%d %H:%M:%S')}. What to do: Nothing.",
        ),
    ),
    case(
        "Where is my ride",
        "it was given up",
        [
            *_NOTIFIED,
            finished(MINUTE, outcome=Outcome.DEAD_LETTER, why="Strava refuses access to this activity (403)."),
            *_OTHERS,
        ],
        _place(
            "Ended: dead letter",
            "Strava refuses access to this activity (403). What to do: Connect the athlete again with all boxes "
            "ticked, then retry.",
        ),
    ),
    case(
        "Where is my ride",
        "its process ended",
        [*_NOTIFIED, _CLAIMED, *_OTHERS],
        _place(
            "Being fetched",
            "No further line for 60 min: the process may have ended. The next one takes it over; if none comes: the "
            "panel What needs attention.",
        ),
    ),
    case(
        "Where is my ride",
        "nothing follows",
        [received(HOUR, HOUR), _dispatched(HOUR, "recorded only"), *_OTHERS],
        _place("Recorded", "Nothing follows from this notification: recorded only."),
    ),
    case("Where is my ride", "nobody has heard of it", _OTHERS, _place("Not in the log", ANYTHING, "-")),
    case(
        "Where is my ride",
        "the log may not be seen",
        _WHOLE,
        _place("Not known", "There is no log to look in: the panel State says why.", "-"),
        hidden=frozenset({"_internal"}),
    ),
]


def _either(text: str) -> frozenset[str]:
    """Splunk's manual does not say whether round(4, 1) is shown as 4 or as 4.0."""
    return frozenset({text, text.replace(".0 s", " s")})


def _step(ago: float, step: str, after: float, total: float, details: object = "-") -> Row:
    return {
        "Time": at(ago, "%Y-%m-%d %H:%M:%S") + f".{round(-ago * 1_000) % 1_000:03d}",
        "Step": step,
        "After the step before (s)": after,
        "Since the first (s)": total,
        "Details": details,
        "Trail": "n-17",
    }


_STEPS = [
    case(
        "Steps of this ride",
        "a second try",
        [
            *_NOTIFIED,
            _CLAIMED,
            _attempted(HOUR - 2.5, "503"),
            postponed(HOUR - 2.5, 30, "Strava answered 503."),
            _attempted(HOUR - 33, "fetched"),
            said(HOUR - 33, "written", trail="n-17", to_index="strava"),
            finished(HOUR - 33),
            *_OTHERS,
        ],
        [
            _step(HOUR, "Notified: create", 0, 0, _either(f"Saved at Strava {at(HOUR + 4, '%H:%M:%S')}, 4.0 s before")),
            _step(HOUR, "Recorded: changed", 0, 0),
            _step(HOUR - 2, "Its turn", 2, 2, _either("waited 0.0 s since it was due")),
            _step(HOUR - 2.5, "Call failed: 503", 0.5, 2.5, "call of 0.31 s; reads used now: 2/3"),
            _step(HOUR - 2.5, "Tried again later", 0, 2.5, "Strava answered 503. Again in 30 s"),
            _step(HOUR - 33, "Fetched", 30.5, 33, "call of 0.31 s; reads used now: 2/3"),
            _step(HOUR - 33, "Given to splunkd", 0, 33, "index strava"),
            _step(HOUR - 33, "Done: collected", 0, 33),
        ],
        order=("Time",),
    )
]
_TRAIL = case(
    "Trail",
    "its lines and what all wait for",
    [*_WHOLE, *_OTHERS],
    [
        {"action": action, "waits_for": "-"}
        for action in ("queue", "received", "dispatched", "claimed", "attempted", "written", "finished")
    ],
    only=("action", "waits_for"),
)

# Whether there is a log.

_NOBODY = {**SET_UP, WHO_AM_I: [{"username": "viewer", "capabilities": ["search"]}], WEBHOOK: [], LISTS: []}
_NO_INPUT = {**SET_UP, WEBHOOK: [], LISTS: []}
_ALL_OFF = {
    **SET_UP,
    WEBHOOK: [{"title": "home", "index": "strava", "disabled": "1"}],
    LISTS: [{"title": "history", "index": "strava", "disabled": "1"}],
}
_CLUB_INPUT: Row = {"title": "club", "index": "strava", "disabled": "0"}
#: What is disabled need not give a sign of life.
_CLUB_RUNS = {**SET_UP, WEBHOOK: [_CLUB_INPUT], LISTS: [{"title": "off", "index": "strava", "disabled": "1"}]}
_SPLUNKD = Said(MINUTE, "group=queue, name=parsingqueue", "metrics")


def _message(text: str) -> list[Row]:
    return [{"message": text}]


_STATE = [
    case(
        "State",
        "lines of two files",
        [
            queue(MINUTE),
            queue(2 * DAY),
            warned(HOUR, "task_failed", error="KeyError"),
            said(HOUR, "consent_given", "ta_strava_webhook.rest", name="x"),
            _SPLUNKD,
        ],
        _message(f"4 lines in this range, of 2 log files on 1 host; the last one is of {at(MINUTE)}."),
        rest=_CLUB_RUNS,
    ),
    case(
        "State",
        "an input that is silent, and messages of before this range that nobody has solved",
        [
            warned(9 * DAY, "problem", level="ERROR", topic="athlete_1", error="Said before the input began anew."),
            said(9 * DAY - HOUR, "started", input="club", version="1.0.0", port=8443),
            warned(8 * DAY, "problem", level="ERROR", topic="athlete_2", error="Athlete “Lena”: refused."),
            warned(8 * DAY, "problem", level="ERROR", topic="strava", error="Strava cannot be reached."),
            said(2 * DAY, "problem_solved", topic="strava"),
            warned(DAY, "problem", topic="certificate", error="In this range, so the table has it."),
            said(20 * DAY, "queue", "ta_strava_webhook_home", waiting=0),
            queue(MINUTE),
        ],
        _message(
            f"Not solved, and from before this range: Athlete “Lena”: refused. (since {at(8 * DAY)}) Enabled, and no "
            "sign of life in this range: home. 3 lines in this range, of 1 log file on 1 host; the last one is of "
            f"{at(MINUTE)}."
        ),
        rest={**_CLUB_RUNS, WEBHOOK: [_CLUB_INPUT, *SET_UP[WEBHOOK]]},
    ),
    case(
        "State",
        "silence",
        [queue(3 * HOUR), _SPLUNKD],
        _message(
            "No line for 3 hours: no input runs, or its host does not send its log any more. The last one is of "
            f"{at(3 * HOUR)}."
        ),
        rest=_CLUB_RUNS,
    ),
    case(
        "State",
        "nothing in this range",
        [queue(20 * DAY), queue(15 * DAY), _SPLUNKD],
        _message(
            f"No line in this range. The log has lines from {at(20 * DAY)} to {at(15 * DAY)}: choose another range "
            "above."
        ),
        rest=SET_UP,
    ),
    case(
        "State",
        "no permission",
        [queue(MINUTE), _SPLUNKD],
        _message(
            "You may not search the index _internal, where the add-on's log is, so all panels but the last two stay "
            "empty. Ask an administrator for a role that may (Settings → Roles → Indexes). Nothing is said about the "
            "add-on itself."
        ),
        rest=SET_UP,
        hidden=frozenset({"_internal"}),
    ),
    case(
        "State",
        "no input on this host",
        [_SPLUNKD],
        _message(
            "No log of the add-on, and no input on this host. If inputs run on another host, such as a heavy "
            "forwarder, let it send its index _internal here. Otherwise create an input: page Inputs."
        ),
        rest=_NO_INPUT,
    ),
    case(
        "State",
        "all inputs are disabled",
        [_SPLUNKD],
        _message(
            "No log of the add-on in 30 days: all inputs on this host are disabled. Enable one: page Inputs.",
        ),
        rest=_ALL_OFF,
    ),
    case(
        "State",
        "inputs that write nothing",
        [_SPLUNKD],
        _message(
            "Inputs on this host are enabled, and none has written a line in 30 days. Look at Configuration → Set-up "
            "check; where the log is not written, splunkd.log says why."
        ),
        rest=SET_UP,
    ),
    case(
        "State",
        "somebody who sees _internal and no inputs",
        [_SPLUNKD],
        _message(
            "You may search _internal, and no input's log is in it. You may not see this host's inputs: ask an "
            "administrator whether they run here, or on another host that does not send its log."
        ),
        rest=_NOBODY,
    ),
]

# What this host says.

_ANSWERS: dict[str, list[Row]] = {
    ATHLETES: [
        {
            "title": "lena",
            "athlete_id": str(LENA),
            "state": "connected",
            "state_help": "Collected.",
            "last_activity": "2026-06-10 16:02 UTC",
        },
        {
            "title": "marcus",
            "athlete_id": "2",
            "state": "needs to reconnect",
            "state_help": "Edit the row.",
            "last_activity": "none yet",
        },
    ],
    COUNTS: [
        {"thing": "job", "status": "done", "reason": "webhook", "outcome": "collected", "count": "164"},
        {"thing": "job", "status": "failed", "reason": "polling", "outcome": "dead letter", "count": "2"},
        {"thing": "job", "status": "pending", "reason": "manual", "outcome": "", "count": "37"},
        {"thing": "notification", "status": "held", "reason": "", "outcome": "", "count": "5"},
    ],
}
_HOST = [
    case(
        "This host",
        "athletes, jobs, notifications",
        [],
        [{"kind": kind} for kind in ("athlete", "athlete", "job", "job", "job", "notification")],
        only=("kind",),
        rest=_ANSWERS,
    ),
    case(
        "Athletes of this host",
        "the one with trouble first",
        [],
        [
            {
                "Athlete": "marcus",
                "Id": 2,
                "State": "needs to reconnect",
                "Last collected": "none yet",
                "What that means": "Edit the row.",
            },
            {
                "Athlete": "lena",
                "Id": LENA,
                "State": "connected",
                "Last collected": "2026-06-10 16:02 UTC",
                "What that means": "Collected.",
            },
        ],
        order=("-State",),
        rest=_ANSWERS,
    ),
    case(
        "Database of this host",
        "what failed or is held first",
        [],
        [
            {"What": what, "State": state, "Outcome": outcome, "How many": count}
            for what, state, outcome, count in (
                ("Notifications", "held", None, 5),
                ("Fetches, found by lists", "failed", "dead letter", 2),
                ("Fetches, by hand", "pending", None, 37),
                ("Fetches, live", "done", "collected", 164),
            )
        ],
        rest=_ANSWERS,
    ),
]

RIDES = [*_RIDE, *_STEPS, _TRAIL, *_STATE, *_HOST]
