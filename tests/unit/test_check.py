"""What the set-up check makes of the facts: every line, well, bearable and bad."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

import pytest

from strava_collector.callback_probe import Probe
from strava_collector.check import judge
from strava_collector.check_facts import (
    Access,
    ApplicationFacts,
    AthleteFacts,
    Facts,
    InputFacts,
    ListFacts,
    MissFacts,
    Queue,
    QuotaFacts,
    Standing,
)
from strava_collector.check_line import TOPICS, Line, Status, summary
from strava_collector.check_words import in_words
from strava_collector.privacy import Privacy
from strava_collector.store.heartbeats import Heartbeat
from strava_collector.subscription_rules import Listed, State
from tests.support.clock import START

DAY = 86_400.0
URL = "https://rides.example.org/strava/5f0c9e"
PASS, WARN, FAIL = Status.PASS, Status.WARN, Status.FAIL
#: What stands for a topic that has no line of its own.
WORDS = {
    "listener": "listener",
    "certificate": "certificate",
    "callback": "callback url",
    "subscription": "subscription",
    "worker": "workers",
    "queue": "queue",
    "quota": "rate limit",
    "index": "index",
    "macro": "search macro",
    "clock": "clock",
}
HOME = InputFacts(
    name="home",
    application="Club",
    index="strava",
    callback_url=URL,
    runs=True,
    heartbeats={part: Heartbeat(START - 30) for part in ("listener", "worker", "dispatcher", "subscription")},
    certificate_valid=(START - 30 * DAY, START + 60 * DAY),
    probe=Probe(PASS, "rides.example.org leads to this listener."),
    queue=Queue(),
)
CLUB = ApplicationFacts(
    name="Club",
    standing=Standing.VERIFIED,
    subscriptions=(Listed(7, URL),),
    known=7,
    ahead=0.4,
    quota=QuotaFacts(3, 100, 40, 1000),
)
ADA = AthleteFacts(
    name="ada",
    athlete_id=1,
    application="Club",
    scopes=frozenset({"read", "activity:read_all"}),
    wanted="read,activity:read_all",
    has_tokens=True,
    access=Access.GOOD,
)
GOOD = Facts(
    now=START,
    inputs=(HOME,),
    applications=(CLUB,),
    athletes=(ADA,),
    has_store=True,
    indexes=frozenset({"strava", "main"}),
    macro="index=strava",
    disk_free=90_000_000_000,
    folder="/opt/splunk/store",
    dead_letters=0,
)

LISTS = ListFacts("lists", "Club", 20, 14_400.0, 20_000, 12_000, oldest_look=START - 3600)


def with_lists(**changes: Any) -> Facts:
    return replace(GOOD, lists=(replace(LISTS, **changes),), misses=(MissFacts("home"),))


def with_misses(**changes: Any) -> Facts:
    return replace(GOOD, lists=(replace(LISTS, interval=DAY),), misses=(MissFacts("home", **changes),))


ELSEWHERE = Listed(9, "https://else.example/")
TWO = replace(HOME, name="two", callback_url=ELSEWHERE.callback_url)


def with_input(**changes: Any) -> Facts:
    return replace(GOOD, inputs=(replace(HOME, **changes),))


def with_application(**changes: Any) -> Facts:
    return replace(GOOD, applications=(replace(CLUB, **changes),))


def subscription(listed: tuple[Listed, ...], state: Optional[State] = None, said: str = "", **changes: Any) -> Facts:
    """Strava lists these, and this is what the input that keeps the subscription said last."""
    facts = with_input(subscription_state=state, subscription_said=said, **changes)
    return replace(facts, applications=(replace(CLUB, subscriptions=listed),))


def with_athlete(**changes: Any) -> Facts:
    return replace(GOOD, athletes=(replace(ADA, **changes),))


def heard(part: str, at: float = START - 30, said: str = "") -> dict[str, Heartbeat]:
    return {**HOME.heartbeats, part: Heartbeat(at, said)}


def certificate(days: float, left: float) -> Facts:
    """With a certificate that lives so many days, of which so many are left."""
    return with_input(certificate_valid=(START - (days - left) * DAY, START + left * DAY))


def without(part: str) -> dict[str, Heartbeat]:
    return {name: beat for name, beat in HOME.heartbeats.items() if name != part}


def lines_of(facts: Facts) -> dict[str, Line]:
    lines = judge(facts)
    named = {line.name: line for line in lines}
    assert len(named) == len(lines), "two lines have one name"
    for line in lines:
        assert line.seen.endswith((".", "!")), line
        assert (line.status is PASS) == (line.to_do == ""), line
    told = " ".join(line.seen.lower() for line in lines if line.topic in ("application", "process"))
    of_lists: set[str] = set() if facts.lists else {"history", "missed", "listing"}
    of_several: set[str] = set() if len(facts.inputs or ()) > 1 else {"privacy"}
    for topic in set(TOPICS) - {line.topic for line in lines} - of_lists - of_several:
        assert WORDS[topic] in told, f"{topic} has no line, and no other says so"
    assert [line.topic for line in lines] == sorted((line.topic for line in lines), key=TOPICS.index)
    return named


def test_a_good_set_up_passes_in_every_line() -> None:
    lines = lines_of(GOOD)
    assert {line.status for line in lines.values()} == {PASS}
    assert summary(list(lines.values())) == f"All is well, in {len(lines)} lines."


@pytest.mark.parametrize(
    ("facts", "name", "status", "seen", "to_do"),
    [
        # configuration
        (replace(GOOD, faults=("The proxy's port is bad.",)), "configuration", FAIL, "proxy's port", "Configuration"),
        (replace(GOOD, no_splunkd="splunkd answered 503."), "configuration", WARN, "503", "Check again"),
        (replace(GOOD, no_secrets="not permitted."), "configuration", WARN, "Secrets", "list_storage_passwords"),
        (replace(GOOD, no_store="It is locked."), "configuration", WARN, "It is locked", "user that Splunk runs as"),
        # application
        (replace(GOOD, applications=()), "application", FAIL, "no application", "strava.com/settings/api"),
        (replace(GOOD, applications=None), "application", WARN, "could not be seen", "configuration"),
        (with_application(fault="The secret is missing."), "application:Club", FAIL, "missing", "Applications"),
        (with_application(fault="The secret is missing."), "application:Club", FAIL, "Its rate limit", "Applications"),
        (with_application(standing=Standing.REFUSED, why="No."), "application:Club", FAIL, "No.", "Applications"),
        (with_application(standing=Standing.INACTIVE, why="Off."), "application:Club", FAIL, "Off.", "support"),
        (with_application(standing=Standing.UNKNOWN, why="503."), "application:Club", WARN, "503.", "Check again"),
        # athlete
        (replace(GOOD, athletes=()), "athlete", FAIL, "No athlete", "Configuration → Athletes"),
        (replace(GOOD, athletes=(), applications=()), "athlete", FAIL, "No athlete", "First enter your API"),
        (replace(GOOD, athletes=None), "athlete", WARN, "could not be seen", "configuration"),
        (with_athlete(athlete_id=None), "athlete:ada", FAIL, "Nobody", "Edit the row"),
        (with_athlete(has_tokens=False), "athlete:ada", FAIL, "no tokens", "Edit the row"),
        (with_athlete(withdrawn=True, has_tokens=False), "athlete:ada", WARN, "has withdrawn", "or delete it"),
        (with_athlete(half_deleted=True, has_tokens=False), "athlete:ada", WARN, "was interrupted", "again"),
        (with_athlete(refused="Strava refuses."), "athlete:ada", FAIL, "Strava refuses.", "Edit the row"),
        (with_athlete(access=Access.REFUSED), "athlete:ada", FAIL, "refuses the athlete's token", "Edit the row"),
        (with_athlete(access=Access.ANOTHER), "athlete:ada", FAIL, "another athlete's", "Edit the row"),
        (with_athlete(scopes=frozenset({"read"})), "athlete:ada", FAIL, "activity:read", "ticked"),
        (with_athlete(scopes=frozenset({"activity:read"})), "athlete:ada", WARN, "unticked", "smaller permission"),
        (
            with_athlete(wanted="read,activity:read,activity:read_all,profile:read_all"),
            "athlete:ada",
            WARN,
            "FTP, zones, bikes and shoes are not collected",
            "another permission",
        ),
        (with_athlete(application="Other"), "athlete:ada", FAIL, "No enabled input collects", "page Inputs"),
        (
            with_athlete(access=Access.NOT_ASKED, has_tokens=None, why="Not now."),
            "athlete:ada",
            WARN,
            "Not now.",
            "configuration",
        ),
        (
            with_athlete(scopes=frozenset({"activity:read"}), wanted="activity:read"),
            "athlete:ada",
            PASS,
            "but private ones",
            "",
        ),
        (with_athlete(access=Access.NOT_ASKED, why="It has expired."), "athlete:ada", PASS, "It has expired.", ""),
        # process
        (replace(GOOD, inputs=()), "process", FAIL, "no input yet", "Create one on the page Inputs"),
        (replace(GOOD, inputs=(), applications=()), "process", FAIL, "no input yet", "First enter your API"),
        (replace(GOOD, inputs=None), "process", WARN, "could not be seen", "configuration"),
        (with_input(enabled=False), "process:home", FAIL, "disabled", "Enable it"),
        (with_input(enabled=False), "process:home", FAIL, "search macro are looked at once an input runs", "Enable it"),
        (
            replace(GOOD, inputs=(HOME, replace(HOME, name="old", enabled=False))),
            "process:old",
            WARN,
            "disabled",
            "Enable it",
        ),
        (with_input(faults=("The port is missing.",)), "process:home", FAIL, "port is missing", "correct it"),
        (with_input(rivals=("The port is another's.",)), "process:home", FAIL, "another's", "page Inputs"),
        (with_input(runs=False), "process:home", FAIL, "No process", "ta_strava_webhook_home.log"),
        (with_input(runs=False), "process:home", FAIL, "Its listener, callback URL and workers are", "Splunk starts"),
        (with_input(runs=False, faults=("Bad.",)), "process:home", FAIL, "Bad. Its listener, certificate,", "correct"),
        (with_input(faults=("Bad.",)), "process:home", FAIL, "Bad. Its certificate and callback URL are", "correct it"),
        (with_input(runs=False, rivals=("Bad.",)), "process:home", FAIL, "Bad. Its listener, callback", "page Inputs"),
        (with_input(runs=None), "process:home", WARN, "could not be seen", "configuration"),
        # listener
        (with_input(heartbeats=heard("listener", said="Port taken.")), "listener:home", FAIL, "Port taken.", "Mend"),
        (with_input(heartbeats=heard("listener", START - 300)), "listener:home", FAIL, "5 minutes", "enable the"),
        (with_input(heartbeats={}), "listener:home", WARN, "not said yet", "in a minute"),
        (with_input(runs=None, heartbeats={}), "listener:home", WARN, "could not be seen", "configuration"),
        # certificate
        (with_input(certificate_faults=("It expired.",)), "certificate:home", FAIL, "It expired.", "certificates.md"),
        (certificate(90, left=20), "certificate:home", WARN, "ends in 20 days", "Renew it now"),
        (certificate(90, left=22), "certificate:home", PASS, "good for 22 days", ""),
        # A short life has its warnings in its last third only.
        (certificate(47, left=20), "certificate:home", PASS, "good for 20 days", ""),
        (certificate(6, left=4), "certificate:home", PASS, "good for 4 days", ""),
        (certificate(6, left=1), "certificate:home", WARN, "ends in 24 hours", "Renew it now"),
        (certificate(90, left=1 / 24), "certificate:home", WARN, "60 minutes", "Renew it now"),
        (certificate(90, left=-1), "certificate:home", WARN, "ends in 0 s", "Renew it now"),
        (with_input(certificate_valid=None), "certificate:home", WARN, "could not be seen", "configuration"),
        (with_input(plain=True, certificate_valid=None), "certificate:home", PASS, "TLS ends at the proxy", ""),
        # callback
        (with_input(probe=None), "callback:home", WARN, "not tried", "configuration"),
        (with_input(probe=Probe(WARN, "Refused.", "Hairpin.")), "callback:home", WARN, "Refused.", "Hairpin."),
        (with_input(probe=Probe(FAIL, "Another.", "Look.")), "callback:home", FAIL, "Another.", "Look."),
        # subscription
        (with_application(subscriptions=()), "subscription:home", FAIL, "no subscription", "by itself"),
        (
            replace(with_application(subscriptions=()), inputs=(replace(HOME, manages_subscription=False),)),
            "subscription:home",
            FAIL,
            "no subscription",
            "subscriptions create --input home",
        ),
        (
            with_application(subscriptions=(Listed(9, "https://else.example/"),)),
            "subscription:home",
            FAIL,
            "https://else.example/",
            "subscriptions delete 9",
        ),
        # The same address in other words is the same.
        (
            with_application(subscriptions=(Listed(7, URL.replace("rides.example.org", "RIDES.example.org:443")),)),
            "subscription:home",
            PASS,
            "to this input",
            "",
        ),
        # What keeps the subscription knows best.
        (
            subscription((), State.WAITING, "Too many calls."),
            "subscription:home",
            FAIL,
            "no subscription",
            "The input creates it by itself. Too many calls.",
        ),
        (
            subscription((), State.CONTESTED, "This input no longer does."),
            "subscription:home",
            FAIL,
            "no subscription",
            "The input creates it by itself when it looks next",
        ),
        (
            subscription((ELSEWHERE,), State.CONTESTED, "This input no longer does.", may_replace=True),
            "subscription:home",
            FAIL,
            "https://else.example/",
            "This input no longer does.",
        ),
        (
            subscription((ELSEWHERE,), State.WAITING, "Too many calls.", may_replace=True),
            "subscription:home",
            FAIL,
            "https://else.example/",
            "The input replaces it by itself. Too many calls.",
        ),
        (
            subscription((ELSEWHERE,), State.FOREIGN, "Tick it.", may_replace=True),
            "subscription:home",
            FAIL,
            "https://else.example/",
            "The input replaces it by itself when it looks next",
        ),
        (
            subscription((ELSEWHERE,), State.WAITING, "Too many calls.", kept_subscription=9),
            "subscription:home",
            WARN,
            "the former callback URL of this input: https://else.example/",
            "The input replaces it by itself. Too many calls.",
        ),
        (
            subscription((ELSEWHERE,), manages_subscription=False),
            "subscription:home",
            FAIL,
            "https://else.example/",
            "subscriptions create --input home",
        ),
        (subscription((), runs=False), "subscription:home", FAIL, "no subscription", "by itself as soon as it runs"),
        (
            replace(
                subscription((ELSEWHERE,)),
                inputs=(HOME, TWO),
            ),
            "subscription:home",
            FAIL,
            "to the input “two”",
            "Disable one of the two inputs",
        ),
        (
            replace(
                with_application(subscriptions=(), keeper="two"),
                inputs=(HOME, TWO),
            ),
            "subscription:home",
            FAIL,
            "no subscription",
            "The input “two” keeps",
        ),
        # One that is left is seen also when no input is enabled, or there is none any more.
        (with_input(enabled=False), "subscription:Club", WARN, "no enabled input", "subscriptions delete 7"),
        (replace(GOOD, inputs=()), "subscription:Club", WARN, "no enabled input", "subscriptions delete 7"),
        (with_application(subscriptions=None), "subscription:home", WARN, "could not be seen", "application:Club"),
        (with_application(known=6), "subscription:home", WARN, "takes 6 for its own", "by itself"),
        (with_input(application="Gone"), "subscription:home", FAIL, "no application “Gone”", "page Inputs"),
        (
            replace(GOOD, applications=(CLUB, replace(CLUB, name="Spare"))),
            "subscription:Spare",
            WARN,
            "no enabled input",
            "subscriptions delete 7",
        ),
        # worker
        (with_input(heartbeats=without("worker")), "worker:home", WARN, "its worker", "in a minute"),
        (with_input(heartbeats=heard("dispatcher", START - 600)), "worker:home", FAIL, "10 minutes", "enable the"),
        (with_input(heartbeats=heard("worker", said="It is stuck.")), "worker:home", FAIL, "It is stuck.", "Mend"),
        (with_input(runs=None, heartbeats={}), "worker:home", WARN, "could not be seen", "configuration"),
        # queue
        (with_input(queue=Queue(1)), "queue:home", PASS, "1 fetch waits, and it moves", ""),
        (with_input(queue=Queue(5, overdue=7200)), "queue:home", FAIL, "2 hours", "jobs list --status pending"),
        (with_input(queue=Queue(5, 2, "paused until 14:15 UTC, day limit")), "queue:home", WARN, "14:15", "by itself"),
        (with_input(queue=Queue(0, held_foreign=3)), "queue:home", WARN, "3 notifications", "asks Strava"),
        (with_input(queue=Queue(0, held_unknown=2)), "queue:home", WARN, "2 notifications", "7 days"),
        (with_input(queue=None), "queue:home", WARN, "could not be seen", "configuration"),
        (replace(with_input(queue=None), has_store=False), "queue:home", PASS, "Nothing waits", ""),
        # dead letters
        (replace(GOOD, dead_letters=1), "dead_letters", WARN, "1 fetch or notification has", "jobs retry --all"),
        (
            replace(GOOD, dead_letters=4, newest_dead_letter="Strava knows no such activity."),
            "dead_letters",
            WARN,
            "The newest: Strava knows no such activity.",
            "jobs retry --all",
        ),
        (replace(GOOD, dead_letters=None), "dead_letters", WARN, "could not be seen", "configuration"),
        (replace(GOOD, dead_letters=None, has_store=False), "dead_letters", PASS, "no store yet", ""),
        (with_lists(), "history:lists", PASS, "20,000 activities of 20 athletes found, 12,000 of them in full", ""),
        (with_lists(waiting=8_000, estimate="done in about 12 days"), "history:lists", PASS, "8,000 wait, done in", ""),
        (with_lists(given_up=3), "history:lists", PASS, "3 could not be fetched and stay", ""),
        (with_lists(unfinished=("ada: back to 2019-03-02",)), "history:lists", PASS, "ada: back to 2019-03-02.", ""),
        (with_lists(troubles=("ada: Strava answered 400.",)), "history:lists", WARN, "ada: Strava", "connecting"),
        (
            with_lists(oldest_look=START - 2 * DAY),
            "history:lists",
            WARN,
            "looked at 44 hours ago",
            "with the next look",
        ),
        (with_lists(), "listing:Club", WARN, "about 144 of 1,000 reads a day", "longer"),
        (with_lists(per_day=20.0), "listing:Club", WARN, "about 384 of 1,000 reads a day", "longer"),
        (with_lists(interval=DAY), "listing:Club", PASS, "about 44 of 1,000 reads a day", ""),
        (with_misses(), "missed:home", PASS, "has announced all", ""),
        (with_misses(today=3, yesterday=1), "missed:home", PASS, "3 today and 1 yesterday", ""),
        (with_misses(today=3, silent_since=START - 900), "missed:home", WARN, "it seems dead", "“callback”"),
        # quota
        (with_application(quota=None), "quota:Club", WARN, "could not be seen", "configuration"),
        (replace(with_application(quota=None), has_store=False), "quota:Club", PASS, "not used any", ""),
        (with_application(quota=QuotaFacts(90, 100, 1, 1000)), "quota:Club", WARN, "90 of 100", "window ends"),
        (with_application(quota=QuotaFacts(1, 100, 950, 1000)), "quota:Club", WARN, "950 of 1000", "window ends"),
        (
            with_application(quota=QuotaFacts(1, 100, 2, 1000, "paused until 14:15 UTC, Strava's refusal (429)")),
            "quota:Club",
            WARN,
            "paused until 14:15 UTC",
            "by itself",
        ),
        # index
        (with_input(index="gone"), "index:gone", FAIL, "no index “gone”", "Settings → Indexes"),
        (with_athlete(index="own"), "index:own", FAIL, "no index “own”", "Settings → Indexes"),
        (replace(GOOD, forwards=True, indexes=None), "index:strava", WARN, "forwards its events", "every indexer"),
        (replace(GOOD, indexes=None), "index:strava", WARN, "could not be seen", "configuration"),
        # macro
        (replace(GOOD, macro=None), "macro", WARN, "could not be read", "configuration"),
        (replace(GOOD, macro=""), "macro", FAIL, "no macro strava_index", "(index=strava)"),
        (replace(GOOD, macro="index=*"), "macro", WARN, "no plain list", "Search macros"),
        (replace(GOOD, macro="index=main"), "macro", WARN, "does not cover “strava”", "within a minute"),
        (
            replace(GOOD, macro="index=main", keep_macro=False),
            "macro",
            FAIL,
            "does not cover “strava”",
            "(index=main OR index=strava)",
        ),
        (
            replace(with_athlete(index="main"), keep_macro=False),
            "macro",
            WARN,
            "does not cover “main”",
            "(index=strava OR index=main)",
        ),
        # clock
        (with_application(ahead=90.0), "clock", WARN, "1 minute slow", "NTP"),
        (with_application(ahead=-20.0), "clock", WARN, "20 s fast", "NTP"),
        (with_application(ahead=7200.0), "clock", FAIL, "2 hours slow", "NTP"),
        (with_application(ahead=None), "clock", WARN, "did not answer", "See application:Club"),
        (
            replace(GOOD, applications=tuple(replace(CLUB, name=name, ahead=None) for name in ("A", "B"))),
            "clock",
            WARN,
            "did not answer",
            "See application:A and application:B",
        ),
        (
            replace(with_application(ahead=None), no_secrets="Not permitted."),
            "clock",
            WARN,
            "was not asked",
            "configuration",
        ),
        # disk
        (replace(GOOD, disk_free=499_000_000), "disk", FAIL, "notifications are refused", "Free some space"),
        (replace(GOOD, disk_free=900_000_000), "disk", WARN, "(/opt/splunk/store) has 900 MB left", "Free some space"),
        (replace(GOOD, disk_free=10_000_000_000), "disk", PASS, "The disk with the store has 10000 MB left.", ""),
        (replace(GOOD, disk_free=79_473_000_000), "disk", PASS, "The disk with the store has 79 GB left.", ""),
        (
            replace(GOOD, disk_free=79_473_000_000, least_disk_mb=90_000),
            "disk",
            FAIL,
            "(/opt/splunk/store) has 79 GB left, less than 90 GB",
            "Free some space",
        ),
        (replace(GOOD, disk_free=None), "disk", WARN, "could not be seen", "configuration"),
    ],
)
def test_each_finding_has_its_line(facts: Facts, name: str, status: Status, seen: str, to_do: str) -> None:
    line = lines_of(facts)[name]
    assert (line.status, seen in line.seen, to_do in line.to_do) == (status, True, True), line


EMPTY = Facts(
    now=START,
    inputs=(),
    applications=(),
    athletes=(),
    has_store=False,
    indexes=frozenset({"main"}),
    macro="index=strava",
    disk_free=90_000_000_000,
)


def test_a_new_installation_is_told_the_three_things_to_do_and_is_not_frightened() -> None:
    lines = lines_of(EMPTY)
    assert {name: line.status for name, line in lines.items()} == {
        "configuration": PASS,
        "application": FAIL,
        "athlete": FAIL,
        "process": FAIL,
        "dead_letters": PASS,
        "disk": PASS,
    }
    assert lines["process"].seen == (
        "There is no input yet. Listener, certificate, callback URL, subscription, workers, queue, index and search "
        "macro are looked at once an input runs."
    )
    assert summary(list(lines.values())).startswith("3 faults and 0 warnings in 6 lines. Begin with the first")


def test_what_is_there_has_its_line_although_there_is_no_input_yet() -> None:
    lines = lines_of(replace(EMPTY, applications=(CLUB,), athletes=(replace(ADA, index="main"),), macro=""))
    assert [name for name, line in lines.items() if line.status is FAIL] == ["process", "macro"]
    assert lines["index:main"].status is PASS
    assert lines["process"].seen.endswith("subscription, workers and queue are looked at once an input runs.")


def test_while_every_input_is_disabled_that_is_the_only_fault() -> None:
    off = replace(HOME, enabled=False, runs=False)
    lines = lines_of(replace(GOOD, inputs=(off, replace(off, name="old"))))
    assert [name for name, line in lines.items() if line.status is not PASS] == [
        "process:home",
        "process:old",
        "subscription:Club",
    ]
    assert "are looked at" in lines["process:home"].seen
    assert "are looked at" not in lines["process:old"].seen


def test_a_process_that_is_not_there_is_one_fault() -> None:
    lines = lines_of(with_input(runs=False))
    assert [name for name, line in lines.items() if line.status is not PASS] == ["process:home"]
    assert summary(list(lines.values())) == f"1 fault and 0 warnings in {len(lines)} lines."


def test_who_may_not_see_anything_gets_warnings_and_no_wrong_faults() -> None:
    lines = lines_of(
        Facts(now=START, inputs=(), applications=(), athletes=(), no_secrets="Not permitted.", has_store=None)
    )
    assert {line.status for line in lines.values()} == {WARN}


def test_nothing_at_all_can_be_seen() -> None:
    lines = lines_of(Facts(now=START, no_splunkd="It is away.", no_store="It is away."))
    assert {line.status for line in lines.values()} == {WARN}
    assert {"configuration:1", "configuration:2"} <= set(lines)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (59, "59 s"),
        (60, "1 minute"),
        (119, "1 minute"),
        (7199, "119 minutes"),
        (7200, "2 hours"),
        (86_400, "24 hours"),
        (172_800, "2 days"),
    ],
)
def test_lengths_of_time_are_written_for_people(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        ([FAIL], "1 fault and 0 warnings in 1 line."),
        ([WARN, WARN], "No fault and 2 warnings"),
        ([PASS], "All is well, in 1 line."),
    ],
)
def test_the_summary_counts(statuses: list[Status], said: str) -> None:
    assert summary([Line("disk", "", status, "s.") for status in statuses]).startswith(said)


HISTORY = InputFacts(
    name="history",
    listens=False,
    application="Club",
    index="strava",
    runs=True,
    heartbeats={part: Heartbeat(START - 30) for part in ("lister", "worker", "dispatcher", "around")},
    queue=Queue(),
)


def test_an_input_that_lists_has_no_listener_certificate_callback_and_subscription() -> None:
    facts = replace(GOOD, inputs=(HISTORY,), applications=(replace(CLUB, subscriptions=(), known=None),))
    lines = {line.topic: line for line in judge(facts) if line.subject == "history"}

    assert set(lines) == {"process", "worker", "queue"}
    assert lines["worker"].seen == "Lists are read and activities fetched."
    assert {line.status for line in judge(facts)} == {PASS}


def test_an_input_that_lists_and_does_not_run_is_a_fault() -> None:
    (line,) = [one for one in judge(replace(GOOD, inputs=(replace(HISTORY, runs=False),))) if one.topic == "process"]

    assert line.status is FAIL
    assert "Its workers are looked at once it runs" in line.seen
    assert "interval (4 hours unless changed)" in line.to_do


def test_a_lister_that_is_silent_is_a_fault() -> None:
    silent = replace(HISTORY, heartbeats={**HISTORY.heartbeats, "lister": Heartbeat(START - 3600)})
    (line,) = [one for one in judge(replace(GOOD, inputs=(silent,))) if one.topic == "worker"]

    assert (line.status, line.seen) == (FAIL, "The lister has given no sign of life for 60 minutes.")


def test_a_lister_whose_last_sign_of_life_is_from_the_future_is_a_fault() -> None:
    silent = replace(HISTORY, heartbeats={**HISTORY.heartbeats, "lister": Heartbeat(START + 3600)})
    (line,) = [one for one in judge(replace(GOOD, inputs=(silent,))) if one.topic == "worker"]

    assert line.status is FAIL
    assert line.seen == "The lister has given no sign of life since this host's clock was set back."


def test_a_subscription_without_a_webhooks_input_is_left_over_also_beside_one_that_lists() -> None:
    (line,) = [one for one in judge(replace(GOOD, inputs=(HISTORY,))) if one.topic == "subscription"]

    assert "no enabled input Strava Webhook is for it" in line.seen


def privacy_line(*inputs: InputFacts) -> Line:
    (line,) = [one for one in judge(replace(GOOD, inputs=inputs)) if one.topic == "privacy"]
    return line


PLACES, BODY = Privacy(location=True), Privacy(health=True)


def test_inputs_of_an_application_that_leave_out_the_same_pass() -> None:
    line = privacy_line(replace(HOME, privacy=PLACES), replace(HISTORY, privacy=PLACES))
    assert (line.status, line.subject) == (PASS, "Club")
    assert line.seen == "Inputs that have athletes in common leave out the same: location."
    assert not [one for one in judge(GOOD) if one.topic == "privacy"], "one input differs from none"


def test_inputs_of_an_application_that_differ_in_what_they_leave_out_are_told_what_depends_on_which() -> None:
    line = privacy_line(replace(HOME, privacy=Privacy(location=True, text=True)), replace(HISTORY, privacy=BODY))
    assert (line.status, line.subject) == (WARN, "Club")
    assert "“history” health; “home” location and names and texts." in line.seen
    assert "location, names and texts and health now." in line.seen
    assert "If “history” is disabled, it is location and names and texts, and health is written again." in line.seen
    assert "If “home” is disabled, it is health, and location and names and texts are written again." in line.seen
    assert "Tick the same boxes" in line.to_do


def test_a_disabled_input_with_other_boxes_is_told() -> None:
    line = privacy_line(replace(HOME, privacy=PLACES, enabled=False), HISTORY)
    assert line.status is WARN
    assert "“home” location (it is disabled)" in line.seen
    assert "nothing now. If “home” is enabled, it is location." in line.seen
    both = (replace(HOME, privacy=PLACES, enabled=False), replace(HISTORY, enabled=False))
    assert "None of them is enabled" in privacy_line(*both).seen


def test_inputs_without_an_athlete_in_common_may_leave_out_different_things() -> None:
    anna = replace(HISTORY, privacy=PLACES, athletes=frozenset({"anna"}))
    ben = replace(HISTORY, name="ben", athletes=frozenset({"ben"}))
    line = privacy_line(anna, ben)
    assert (line.status, line.seen) == (PASS, "Inputs that have athletes in common leave out the same.")
    assert privacy_line(anna, replace(ben, athletes=frozenset({"ben", "anna"}))).status is WARN
    elsewhere = replace(GOOD, inputs=(anna, replace(HISTORY, name="else", application="Other")))
    assert not [one for one in judge(elsewhere) if one.topic == "privacy"]
