"""What the set-up check says of the work: workers, what waits, what was given up."""

from __future__ import annotations

from strava_collector.check_facts import Facts, InputFacts
from strava_collector.check_line import Line, failed, passed, unseen, warned
from strava_collector.check_words import in_words, log_of
from strava_collector.heartbeat import DISPATCHER, LONGEST_SILENCE, WORKER

#: A job that has been due for longer, in seconds, although fetches are allowed, is stuck. Cooldown and settle time are
#: not counted; a burst of a few hundred jobs is through before.
STUCK = 1800.0


def worker(facts: Facts, one: InputFacts) -> Line:
    """Say whether notifications are dispatched and jobs are worked on."""
    beats = [(part, one.heartbeats.get(part)) for part in (DISPATCHER, WORKER)]
    if one.runs is None and not one.heartbeats:
        return unseen("worker", one.name, "Whether the input's workers are at work could not be seen.")
    for part, beat in beats:
        if beat is None:
            return warned(
                "worker",
                one.name,
                f"The input has not said yet whether its {part} is at work; it may have just been started.",
                f"Check again in a minute. If it stays so, look at {log_of(one.name)}.",
            )
        if beat.said:
            return failed("worker", one.name, beat.said, "Mend what stands here; the input tries again by itself.")
        silence = facts.now - beat.at
        if silence > LONGEST_SILENCE:
            return failed(
                "worker",
                one.name,
                f"The {part} has given no sign of life for {in_words(silence)}.",
                f"Disable and enable the input on the page Inputs, and look at {log_of(one.name)}.",
            )
    return passed("worker", one.name, "Notifications are dispatched and activities fetched.")


def queue(facts: Facts, one: InputFacts) -> Line:
    """Say what waits, and whether it moves."""
    found = one.queue
    if found is None:
        if facts.has_store is False and not facts.no_store:
            return passed("queue", one.name, "Nothing waits: the input has not stored anything yet.")
        return unseen("queue", one.name, "What waits could not be seen.")
    what = f"{found.waiting} fetches wait" if found.waiting != 1 else "1 fetch waits"
    if found.background:
        what += f", {found.background} of them history"
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
