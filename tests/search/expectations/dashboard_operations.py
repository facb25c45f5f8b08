"""The dashboard Operations: for each of its data sources, lines of the log, and what has to be shown then."""

from __future__ import annotations

from strava_collector.job import Outcome
from tests.search.answers import ANYTHING, Anything, Row
from tests.search.catalogue import LENA, MARCUS
from tests.search.expectations.alerts import DAY, HOUR, MINUTE, Said, said
from tests.search.expectations.dashboard_lines import (
    ANSWER,
    CLUB,
    FILE,
    NOW,
    OTHER,
    RIDE,
    TRY,
    WITHDRAWN,
    at,
    case,
    finished,
    missed,
    postponed,
    queue,
    received,
    trouble,
    warned,
)

# What is wrong.

_QUIET = [
    said(3 * DAY, "started", input="club", version="1.0.0", port=8443),
    said(3 * DAY, "subscription_created", application="Club", subscription_id=1, why="there was none"),
    said(6 * HOUR, "certificate", days=60, cert_file=FILE),
    received(2 * HOUR, 2 * HOUR + 5),
    missed(HOUR, "2026-06-10", 0),
    queue(MINUTE),
]
_BAD = [
    warned(4 * DAY, "problem", level="ERROR", topic="listener", error="Said before the input began anew."),
    *_QUIET[:2],
    warned(5 * HOUR, "problem", level="ERROR", topic=f"athlete_{LENA}", error="Athlete “Lena”: refused."),
    warned(5 * HOUR, "problem", level="ERROR", topic="strava", error="Strava cannot be reached."),
    said(4 * HOUR, "problem_solved", topic="strava"),
    warned(4 * HOUR, "problem", topic="certificate", error="The certificate ends soon."),
    trouble(3 * HOUR),
    said(6 * HOUR, "certificate", days=5, cert_file=FILE),
    missed(2 * HOUR, "2026-06-10", 2, 1),
    finished(HOUR, outcome=Outcome.DEAD_LETTER, why="Strava answered 500. Given up after 5 attempts."),
    warned(HOUR, "given_up", level="ERROR", athlete_id=MARCUS, jobs=3, why="waited for 7 days"),
    queue(40 * MINUTE, 3, oldest=60, pause="paused until 14:15 UTC, day limit"),
    queue(30 * MINUTE, 70, history=4, oldest=4_000, used="9/950"),
]


def _attention(state: str, what: str, which: str, seen: str, to_do: object = ANYTHING) -> Row:
    return {"State": state, "What": what, "Which": which, "What is seen": seen, "What to do": to_do}


_ATTENTION = [
    case(
        "What needs attention",
        "nothing",
        _QUIET,
        [
            _attention("Fine", "Input", "club", "Runs.", "-"),
            _attention("Fine", "Webhook", "club", "Nothing missed; 1 notifications in this range.", "-"),
            _attention("Fine", "Subscription", "Club", "In order.", "-"),
            _attention("Fine", "Certificate", FILE, "Ends in 60 days.", "-"),
            _attention("Fine", "Queue", "club", "0 live, 0 reconciliation, 0 history wait.", "-"),
            _attention("Fine", "Limit of the day", "club", "80 of 1000 reads used, 8 %.", "-"),
        ],
    ),
    case(
        "What needs attention",
        "everything",
        _BAD,
        [
            _attention("Act now", "Message", f"athlete_{LENA}", "Athlete “Lena”: refused.", "What the sentence says."),
            _attention("Act now", "Input", "club", "No sign of life for 30 minutes."),
            _attention("Act now", "Webhook", "club", "3 missed on 2026-06-10; 0 notifications in this range."),
            _attention("Act now", "Subscription", "Club", ANSWER),
            _attention("Act now", "Certificate", FILE, "Ends in 5 days."),
            _attention(
                "Act now",
                "Queue",
                "club",
                "70 live, 0 reconciliation, 4 history wait; the oldest live one has been due for 67 min.",
            ),
            _attention("Watch", "Message", "certificate", "The certificate ends soon.", "What the sentence says."),
            _attention("Watch", "Limit of the day", "club", "950 of 1000 reads used, 95 %."),
            _attention("Watch", "Given up", "club", "2 given up in this range."),
        ],
        order=("State",),
    ),
]

_ERRORS = case(
    "Warnings and errors",
    "sentences, lines, and what goes by itself",
    [
        postponed(3 * HOUR, 30, "Strava answered 503."),
        postponed(2 * HOUR, 60, "Strava answered 503.", "n-18"),
        postponed(5 * HOUR, 0, WITHDRAWN),
        trouble(HOUR),
        said(HOUR, "reconnected", athlete_id=MARCUS),
    ],
    [
        {
            "Last": at(ago, "%Y-%m-%d %H:%M:%S"),
            "Times": times,
            "Activities": activities,
            "What happened": happened,
            "What to do": to_do,
            "Line": action,
            "Input": "club",
        }
        for ago, times, activities, happened, to_do, action in (
            (HOUR, 1, 0, ANSWER, TRY, "subscription_trouble"),
            (5 * HOUR, 1, 1, WITHDRAWN, "Connect the athlete again.", "postponed"),
            (2 * HOUR, 2, 1, "Strava answered 503.", "Nothing.", "postponed"),
        )
    ],
)

# How long it takes.

_DELAYED = [
    received(2.5 * HOUR, 2.5 * HOUR + 4, "a"),
    finished(2.5 * HOUR - 2, "a"),
    received(2.4 * HOUR, 2.4 * HOUR + 2, "b"),
    finished(2.4 * HOUR - 10, "b"),
    received(0.5 * HOUR, 0.5 * HOUR + 1, "c"),
    finished(0.5 * HOUR - 6, "c"),
    received(0.4 * HOUR, 0.4 * HOUR, "it still waits"),
    finished(HOUR, "of a list"),
]
_DELAYS = [
    case(
        "Delays",
        "three of five trails",
        _DELAYED,
        [
            {
                "From → splunkd": name,
                "Notifications": 3,
                "Half within (s)": half,
                "90 % within (s)": most,
                "99 % within (s)": most,
                "Slowest (s)": most,
            }
            for name, half, most in (("Notification received", 6, 10), ("Saved at Strava", 7, 12))
        ],
        rounded=dict.fromkeys(("Half within (s)", "90 % within (s)", "99 % within (s)", "Slowest (s)"), 1),
    ),
    case(
        "Delays over time",
        "two hours of four",
        _DELAYED,
        [
            {"_time": NOW - hours * HOUR, "Median": median, "Slowest": slowest}
            for hours, median, slowest in ((4, None, None), (3, 10, 10), (2, None, None), (1, 6, 6))
        ],
        order=("_time",),
        earliest="-4h@h",
    ),
]

# What waits, and the limits.

_WAITING = [
    queue(40 * MINUTE, 3, history=8, oldest=120, used="40/100"),
    queue(35 * MINUTE, 5, history=2, oldest=420, used="50/110"),
    Said(38 * MINUTE, queue(0.0, 1, reconciliation=4).text, "ta_strava_webhook_other"),
    queue(20 * MINUTE, used="8/150"),
    queue(10 * MINUTE, 1, used="20/170"),
    queue(5 * MINUTE, used="35/190"),
]
_QUARTERS = (60, 45, 30, 15)
_QUEUE = [
    case(
        "Queue over time",
        "two inputs",
        _WAITING,
        [
            {"_time": NOW - 45 * MINUTE, "Live": 6, "Reconciliation": 4, "History": 8},
            {"_time": NOW - 30 * MINUTE, "Live": 0, "Reconciliation": 0, "History": 0},
            {"_time": NOW - 15 * MINUTE, "Live": 1, "Reconciliation": 0, "History": 0},
        ],
    ),
    case(
        "Oldest live fetch over time",
        "an hour",
        _WAITING,
        [{"_time": NOW - ago * MINUTE, "Oldest live fetch": due} for ago, due in zip(_QUARTERS, (None, 7, 0, 0))],
        order=("_time",),
        earliest="-1h@h",
    ),
    case(
        "Strava's limits over time",
        "an hour",
        _WAITING,
        [
            {"_time": NOW - ago * MINUTE, "Quarter of an hour": quarter, "Day": day}
            for ago, quarter, day in zip(_QUARTERS, (None, 50, 8, 35), (None, 11, 15, 19))
        ],
        order=("_time",),
        earliest="-1h@h",
    ),
]


def _limit(window: str, used: int, limit: int, hourly: float | Anything, forecast: str) -> Row:
    return {
        "Input": "club",
        "Window": window,
        "Reads used": used,
        "Limit": limit,
        "Used (%)": round(100 * used / limit),
        "Pace (reads/h)": hourly,
        "At this pace": forecast,
    }


_LIMITS = [
    case(
        "Strava's limits",
        "it lasts",
        [queue(50 * MINUTE, used="50/100"), queue(10 * MINUTE, used="20/120"), queue(5 * MINUTE, used="23/130")],
        [
            # 3 in five minutes; 30 in three quarters of an hour.
            _limit("Quarter of an hour", 23, 100, 36, "Lasts until it begins anew at 18:00"),
            _limit("Day (UTC)", 130, 1000, 40, "Lasts until it begins anew at 00:00"),
        ],
    ),
    case(
        "Strava's limits",
        "it does not last",
        [queue(50 * MINUTE, used="0/400"), queue(10 * MINUTE, used="20/520"), queue(5 * MINUTE, used="70/700")],
        [
            # 10 a minute: 30 more in three minutes. 300 in 45 minutes: the other 300 are gone 45 minutes after 17:55.
            _limit("Quarter of an hour", 70, 100, 600, "Used up at 17:58, begins anew at 18:00"),
            _limit("Day (UTC)", 700, 1000, 400, "Used up at 18:40, begins anew at 00:00"),
        ],
    ),
    case(
        "Strava's limits",
        "the day is used up, the quarter of an hour is over",
        [queue(20 * MINUTE, used="100/1000")],
        [
            _limit("Quarter of an hour", 100, 100, ANYTHING, "Began anew at 17:45"),
            _limit("Day (UTC)", 1000, 1000, ANYTHING, "Used up until 00:00"),
        ],
    ),
]

_MISSED = case(
    "Missed by the webhook",
    "a number that grew, and two inputs that list",
    [
        missed(2 * DAY, "2026-06-08", 1),
        missed(2 * DAY - HOUR, "2026-06-08", 2, 1),
        missed(HOUR, "2026-06-10", 0, 0, 4),
        Said(HOUR, missed(0.0, "2026-06-10", 1).text.replace("input=club", "input=second"), CLUB),
    ],
    [
        {"_time": NOW - 18 * HOUR - 2 * DAY, "New": 2, "Changed": 1, "Deleted": 0},
        {"_time": NOW - 18 * HOUR - DAY, "New": None, "Changed": None, "Deleted": None},
        {"_time": NOW - 18 * HOUR, "New": 1, "Changed": 0, "Deleted": 4},
    ],
    order=("_time",),
    earliest="-2d@d",
)

# Who, and by what.

_ATHLETES = case(
    "Athletes in the log",
    "refused, back, deleted, and heard of",
    [
        received(5 * HOUR, 5 * HOUR),
        finished(5 * HOUR - 3),
        warned(4 * HOUR, "problem", level="ERROR", topic=f"athlete_{LENA}", error="refused"),
        warned(9 * HOUR, "problem", level="ERROR", topic=f"athlete_{MARCUS}", error="refused"),
        said(8 * HOUR, "problem_solved", topic=f"athlete_{MARCUS}"),
        finished(7 * HOUR, "x", athlete=MARCUS, activity=OTHER),
        finished(6 * HOUR, "y", Outcome.DEAD_LETTER, athlete=MARCUS, activity=OTHER, why="-"),
        said(3 * HOUR, "athlete_deleted", "ta_strava_webhook.rest", name="Third", athlete_id=3),
        received(2 * HOUR, 2 * HOUR, athlete=4),
        said(2 * HOUR, "permission_revoked", athlete_id=5, at_strava=True),
        warned(HOUR, "deauthorized", athlete_id=6, again=False, why="refused"),
        warned(HOUR, "problem", level="ERROR", topic="athlete_6", error="It has withdrawn the permission at Strava."),
    ],
    [
        {
            "Athlete": str(athlete),
            "State": state,
            "Last notification": heard,
            "Last fetched": fetched,
            "Fetches": fetches,
            "Given up": given_up,
            "What to do": to_do,
        }
        for athlete, state, heard, fetched, fetches, given_up, to_do in (
            (LENA, "Needs to reconnect", at(5 * HOUR), at(5 * HOUR - 3), 1, 0, ANYTHING),
            (MARCUS, "Connected", "-", at(7 * HOUR), 1, 1, "See Warnings and errors."),
            (6, "Has left", "-", "-", 0, 0, "Erase: the report Strava erase list."),
            (3, "Deleted", "-", "-", 0, 0, "-"),
            (4, "Only heard of", at(2 * HOUR), "-", 0, 0, "-"),
        )
    ],
)

_KEPT = [
    case(
        "Certificates",
        "one of two files ends",
        [
            said(30 * HOUR, "certificate", days=14, cert_file=FILE),
            said(6 * HOUR, "certificate", days=13, cert_file=FILE),
            said(6 * HOUR, "certificate", days=60, cert_file="/opt/certs/other.pem"),
        ],
        [
            {"State": "Watch", "Days left": 13, "Ends about": "2026-06-23", "File": FILE, "Host": ANYTHING},
            {
                "State": "Fine",
                "Days left": 60,
                "Ends about": "2026-08-09",
                "File": "/opt/certs/other.pem",
                "Host": ANYTHING,
            },
        ],
        order=("Days left",),
    ),
    case(
        "Subscriptions",
        "trouble, gone, in order, and trouble that is over",
        [
            said(9 * HOUR, "subscription_kept", application="Club", subscription_id=1),
            trouble(3 * HOUR),
            warned(2 * HOUR, "subscription_missing", application="Second", subscription_id=2),
            Said(5 * HOUR, trouble(0.0).text.replace("Club", "Third"), CLUB, "WARNING"),
            said(4 * HOUR, "subscription_kept", application="Third", subscription_id=3),
        ],
        [
            {"State": state, "Application": name, "Since": at(ago), "What Strava said": seen, "Host": ANYTHING}
            for state, name, ago, seen in (
                ("Act now", "Club", 3 * HOUR, ANSWER),
                ("Act now", "Second", 2 * HOUR, "Strava does not have it any more."),
                ("Fine", "Third", 4 * HOUR, "In order."),
            )
        ],
        order=("State",),
    ),
]

# The log itself.

_LOG = case(
    "Log",
    "what the panels need, and nothing else",
    [
        queue(MINUTE, 1),
        postponed(HOUR, 30, "Strava answered 503."),
        said(HOUR, "claimed", trail="n-17", job=1, activity_id=RIDE, attempt=1, waited=0.1),
        said(2 * HOUR, "problem_solved", topic=f"athlete_{MARCUS}"),
        said(2 * HOUR, "athlete_deleted", "ta_strava_webhook.rest", name="Third", athlete_id=3),
    ],
    [
        {"action": "queue", "writer": "club", "said": "-", "pause": "-", "waiting": 1},
        {"action": "postponed", "writer": "club", "said": "Strava answered 503.", "pause": "-", "athlete": str(LENA)},
        {"action": "problem_solved", "writer": "club", "said": "-", "pause": "-", "athlete": str(MARCUS)},
        {"action": "athlete_deleted", "writer": "rest", "said": "-", "pause": "-", "athlete": "3"},
    ],
    only=("action", "writer", "said", "pause", "athlete", "waiting"),
)

OPERATIONS = [*_ATTENTION, _ERRORS, *_DELAYS, *_QUEUE, *_LIMITS, _MISSED, _ATHLETES, *_KEPT, _LOG]
