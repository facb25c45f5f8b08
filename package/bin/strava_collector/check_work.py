"""What the set-up check says of the work: listener and workers, what waits, what was given up."""

from __future__ import annotations

from typing import Optional

from strava_collector.check_facts import Facts, InputFacts
from strava_collector.check_line import Line, failed, passed, unseen, warned
from strava_collector.check_words import in_words, log_of
from strava_collector.heartbeat import DISPATCHER, LISTENER, LISTER, LONGEST_SILENCE, WORKER
from strava_collector.store.heartbeats import Heartbeat

#: A job that has been due for longer, in seconds, although fetches are allowed, is stuck. Cooldown and settle time are
#: not counted; a burst of a few hundred jobs is through before.
STUCK = 1800.0


def listener(facts: Facts, one: InputFacts) -> Line:
    """Say whether the input listens."""
    beat = one.heartbeats.get(LISTENER)
    if one.runs is None and beat is None:
        return unseen("listener", one.name, "Whether the input listens could not be seen.")
    return _trouble(facts, one, "listener", beat, "it listens", "listener") or passed(
        "listener", one.name, "The input listens."
    )


def worker(facts: Facts, one: InputFacts) -> Line:
    """Say whether notifications are dispatched or lists are read, and jobs are worked on."""
    if one.runs is None and not one.heartbeats:
        return unseen("worker", one.name, "Whether the input's workers are at work could not be seen.")
    for part in (DISPATCHER, WORKER) if one.listens else (LISTER, WORKER):
        trouble = _trouble(facts, one, "worker", one.heartbeats.get(part), f"its {part} is at work", part)
        if trouble is not None:
            return trouble
    what = "Notifications are dispatched" if one.listens else "Lists are read"
    return passed("worker", one.name, f"{what} and activities fetched.")


def _trouble(
    facts: Facts, one: InputFacts, topic: str, beat: Optional[Heartbeat], whether: str, part: str
) -> Optional[Line]:
    """What a part's last sign of life tells of trouble, or that there was none for long."""
    if beat is None:
        return warned(
            topic,
            one.name,
            f"The input has not said yet whether {whether}; it may have just been started.",
            f"Check again in a minute. If it stays so, look at {log_of(one.name)}.",
        )
    if beat.said:
        return failed(topic, one.name, beat.said, "Mend what stands here; the input tries again by itself.")
    silence = facts.now - beat.at
    # Every part that is at work gives the next one within a minute, whatever the clock does.
    if abs(silence) > LONGEST_SILENCE:
        since = f"for {in_words(silence)}" if silence > 0 else "since this host's clock was set back"
        return failed(
            topic,
            one.name,
            f"The {part} has given no sign of life {since}.",
            f"Disable and enable the input on the page Inputs, and look at {log_of(one.name)}.",
        )
    return None


def queue(facts: Facts, one: InputFacts) -> Line:
    """Say what waits, and whether it moves."""
    found = one.queue
    if found is None:
        if facts.has_store is False and not facts.no_store:
            return passed("queue", one.name, "Nothing waits: the input has not stored anything yet.")
        return unseen("queue", one.name, "What waits could not be seen.")
    what = f"{found.waiting} fetches wait" if found.waiting != 1 else "1 fetch waits"
    if found.history:
        what += f", {found.history} of them history"
    if found.overdue > STUCK and found.pause is None:
        return failed(
            "queue",
            one.name,
            f"{what}; the oldest has been due for {in_words(found.overdue)}, and nothing is in its way.",
            "See the lines “athlete” and “worker”; “strava_admin.py jobs list --status pending” shows which, and "
            f"{log_of(one.name)} why.",
        )
    if found.pause is not None and found.waiting:
        return warned(
            "queue",
            one.name,
            f"{what}: {found.pause}.",
            "Nothing is lost, and fetching goes on by itself. See the lines “quota” and “application”.",
        )
    if found.held_foreign:
        return warned(
            "queue",
            one.name,
            f"{what}. {found.held_foreign} notifications are held because they name a subscription that is not known "
            "to be yours.",
            "The add-on asks Strava by itself whether it is, within minutes. See the line “subscription”.",
        )
    if found.held_unknown:
        return warned(
            "queue",
            one.name,
            f"{what}. {found.held_unknown} notifications are held because their athlete is not connected.",
            "Connect that athlete on Configuration → Athletes, or leave it: they are dropped after 7 days.",
        )
    return passed("queue", one.name, "Nothing waits." if not found.waiting else f"{what}, and it moves.")


def dead_letters(facts: Facts) -> list[Line]:
    """Say what was given up."""
    if facts.dead_letters is None:
        if facts.has_store is False and not facts.no_store:
            return [passed("dead_letters", "", "Nothing has been given up: there is no store yet.")]
        return [unseen("dead_letters", "", "Whether anything has been given up could not be seen.")]
    if not facts.dead_letters:
        return [passed("dead_letters", "", "Nothing has been given up.")]
    number = (
        "1 fetch or notification has"
        if facts.dead_letters == 1
        else f"{facts.dead_letters} fetches or notifications have"
    )
    newest = f" The newest: {facts.newest_dead_letter}" if facts.newest_dead_letter else ""
    return [
        warned(
            "dead_letters",
            "",
            f"{number} been given up.{newest}",
            "Mend the reason, then “strava_admin.py jobs retry --all” tries all again; “strava_admin.py jobs list "
            "--status failed” lists them, “jobs delete --status failed --all” forgets them.",
        )
    ]
