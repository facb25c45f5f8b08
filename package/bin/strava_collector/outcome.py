"""The error table: one pure function says what follows from each way a fetch can end.

The worker carries out what is decided here and decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Optional, Union

from strava_collector.job import Outcome
from strava_collector.streams import Streams

#: Longest pause between two attempts, in seconds.
LONGEST_BACKOFF = 3600.0
#: Strava sometimes answers 404 for what it has just announced; so long we keep asking.
ANNOUNCED_GRACE = 3600.0
#: A 404 is asked again once after so many times the first pause: ten minutes, unless that is a setting.
GONE_RECHECK = 20

#: What to tell people while the application is off.
INACTIVE = (
    "Strava has switched the application off (403 Inactive). Look at its state on Strava's API settings page; the "
    "add-on looks again every 15 minutes."
)

#: What is said of an activity that Strava lists and does not give.
LISTED_NOT_THERE = "Strava lists this activity and does not have it (404)."
LISTED_NO_ACCESS = "Strava lists this activity and refuses access to it (403)."
LISTED_STAYS = "What the index has of it stays; it is fetched again when the list shows it changed."

#: What is said of a token that is refused: until it can be renewed, and after that was in vain.
UNAUTHORIZED_ONCE = "Strava refused the athlete's token (401). It is renewed as soon as another call can be made."
UNAUTHORIZED = (
    "Strava refuses the athlete's token (401), also after renewing it. Connect the athlete again on "
    "Configuration → Athletes."
)
LIMIT_USED_UP = "Strava's rate limit is used up (429). What waits goes on when the limit is free again."

#: So long an activity that fails is tried as long as nobody else's call shows that Strava works, in seconds.
UNPROVEN_PATIENCE = 3 * 86_400.0

#: The error of a job that waits for another look at an activity that Strava does not have.
NOT_THERE = "Strava does not have this activity (404). It is asked once more before that is believed."
#: The error of a job whose activity was announced and said to be deleted before it could be fetched.
NEVER_SEEN = (
    "Strava does not have this activity (404), which it announced within the hour and then said to be deleted. It is "
    "asked once more, because it may not be there yet, and the deletion forged."
)
#: The error of a job whose activity was not yet as its notification said; remembered like :data:`GONE_ONCE`.
CONTRADICTED = "Strava's answer contradicted the notification, so the activity is fetched once more."
#: The error of a job that waits for its second 404; remembered in the job, so that it is known after a restart.
GONE_ONCE = "Strava no longer has this activity (404). It is asked once more before the activity is marked as deleted."


@dataclass(frozen=True)
class Fetched:
    """200 with the activity that was asked for."""

    activity: Mapping[str, object]
    #: ``start_date`` in the form that events begin with.
    start: str


@dataclass(frozen=True)
class Sampled:
    """200 with an activity's streams, maybe none."""

    streams: Streams


@dataclass(frozen=True)
class Granted:
    """200 to the question whether the athlete still grants access."""


@dataclass(frozen=True)
class Refused:
    """Any other answer of the API."""

    status: int
    #: Value of ``Retry-After`` in seconds, if there was one.
    retry_after: Optional[float] = None
    #: Strava's own codes, ``field:code``, for instance ``activity:read_permission:missing``.
    faults: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Unusable:
    """200, but not with the activity that was asked for."""

    #: What was wrong with it, as a sentence without its content.
    why: str
    #: It is about nothing but this activity, and says nothing about the way to Strava.
    own_matter: bool = False


@dataclass(frozen=True)
class Strangers:
    """200, but the activity is another athlete's: whoever notified us of it lied about its owner."""


@dataclass(frozen=True)
class NoAnswer:
    """The call did not get through, or its answer broke off."""

    why: str


class Obstacle(Enum):
    """Who has to do something before calls can be made again."""

    #: The athlete: there are no tokens.
    NO_TOKENS = "no tokens"
    #: The athlete: Strava refuses the tokens.
    RECONNECT = "reconnect"
    #: Strava does not accept the application's id or secret.
    APPLICATION = "application"
    #: Strava has switched the application off.
    INACTIVE = "inactive"


@dataclass(frozen=True)
class Barred:
    """No token to call with."""

    obstacle: Obstacle
    why: str


@dataclass(frozen=True)
class Postponed:
    """Something of ours has to happen first, for instance another worker's renewal of the same token."""

    until: float
    why: str
    #: It holds up all athletes, not just this one.
    for_all: bool = False


Result = Union[Fetched, Sampled, Granted, Strangers, Refused, Unusable, NoAnswer, Barred, Postponed]


@dataclass(frozen=True)
class Circumstances:
    """What is known about the job and its activity when the result arrives; times in epoch seconds."""

    now: float
    #: Failed attempts so far, and how many there may be.
    attempts: int
    max_attempts: int
    #: The job's last error.
    error: Optional[str]
    #: The activity is in the ledger: an event of it was written, and no tombstone since.
    collected: bool
    #: A delete has taken effect since the activity's last event.
    deleted: bool
    #: No notification is newer than a delete; others may be as new.
    delete_announced: bool
    #: When the newest ``create`` notification arrived that no delete has followed.
    announced_at: Optional[float]
    #: The athlete's token was renewed for this very fetch.
    renewed: bool
    #: When the quota allows the next call.
    quota_frees_at: float
    #: When the next probe is made, if calls to Strava fail whatever is asked for.
    circuit_opens_at: Optional[float]
    #: It has failed before, and no call of anybody's has succeeded since: perhaps it is not the activity's fault.
    unproven: bool
    #: When the job was made.
    created_at: float
    #: What the notification says of the activity, and the fetch does not: the name of the field.
    contradicted: Optional[str]
    #: A list that should have had the activity did not.
    missing: bool
    #: A list showed it within the last day.
    just_listed: bool
    #: It was marked as deleted after a 404, and lists have shown the same entry of it again.
    came_back: bool
    #: First pause after a failure, or after an answer that contradicts its notification, in seconds.
    retry_base: float


@dataclass(frozen=True)
class Write:
    """Write the activity and finish, or put the job back to fetch it once more."""

    fetched: Fetched
    again_at: Optional[float] = None


@dataclass(frozen=True)
class Renew:
    """Renew the athlete's token and make the call again."""


@dataclass(frozen=True)
class TryAgain:
    """Put the job back."""

    at: float
    why: str
    #: Whether this was one of the job's attempts.
    counts: bool
    #: Nothing will change until somebody does something, so somebody has to be told, and nothing is tried meanwhile.
    obstacle: Optional[Obstacle] = None


@dataclass(frozen=True)
class Depart:
    """The athlete has withdrawn the permission: nothing of the athlete's may be kept."""

    why: str


@dataclass(frozen=True)
class Finish:
    """The job ends without an event of the activity."""

    outcome: Outcome
    #: None if all is well.
    why: Optional[str] = None
    #: Mark the places where the activity was collected.
    tombstone: bool = False
    #: This was a failed attempt, as in TryAgain.
    counts: bool = False
    #: What lists show of the activity is not to be fetched again, until they show something else.
    gives_up: bool = False
    #: Lists may still show the activity: remembered, so that it is marked as deleted once for the same entry.
    doubted: bool = False


Decision = Union[Write, Renew, TryAgain, Finish, Depart]


def decide(result: Result, at: Circumstances) -> Decision:
    """Return what the worker does about the result of fetching an activity."""
    if isinstance(result, Fetched):
        if at.contradicted is not None and at.error != CONTRADICTED:
            return Write(result, again_at=at.now + at.retry_base)
        return Write(result)
    if isinstance(result, Postponed):
        return TryAgain(result.until, result.why, counts=False)
    if isinstance(result, Barred):
        return _wait_for(result.obstacle, result.why, at)
    if isinstance(result, (NoAnswer, Unusable)):
        return _back_off(result.why, at)
    if isinstance(result, Strangers):
        return Finish(
            Outcome.SKIPPED, "Strava says that this activity is another athlete's: the notification was forged."
        )
    if isinstance(result, (Granted, Sampled)):
        raise ValueError("That is the answer to another question.")
    return _refused(result, at)


def decide_departure(result: Result, at: Circumstances, *, refused_before: bool, begun: bool) -> Decision:
    """Return what follows from asking Strava whether an athlete's permission is gone, as a notification claims.

    Notifications are not signed. Only Strava's own refusal of the tokens, also after renewing them, is believed.

    ``refused_before``: the tokens were refused long before anybody said so, which makes their refusal no confirmation.
    ``begun``: it was confirmed before, and the tokens may be gone because the add-on itself has deleted them.
    """
    if begun and isinstance(result, Barred) and result.obstacle is Obstacle.NO_TOKENS:
        return Depart("The athlete has withdrawn the permission, as Strava confirmed before.")
    decision = _confirmation(result, at)
    if refused_before and isinstance(decision, Depart):
        return Finish(
            Outcome.DEAD_LETTER,
            "A notification said that the athlete has withdrawn the permission. That cannot be told, because "
            "Strava refused the athlete's tokens before. Connect the athlete again, or delete the athlete's row.",
        )
    return decision


def _confirmation(result: Result, at: Circumstances) -> Decision:
    if isinstance(result, Granted):
        return Finish(
            Outcome.UNCHANGED,
            "A notification said that the athlete has withdrawn the permission, but Strava says otherwise: it was "
            "forged or outdated, and nothing was deleted.",
        )
    if isinstance(result, Barred) and result.obstacle is Obstacle.RECONNECT:
        return Depart(result.why)
    if isinstance(result, Barred) and result.obstacle is Obstacle.NO_TOKENS:
        return Finish(
            Outcome.DEAD_LETTER,
            f"A notification said that the athlete has withdrawn the permission. Whether that is true cannot be asked: "
            f"{result.why}",
        )
    if isinstance(result, Refused) and result.status == 401:
        if _missing_scope(result) is not None:
            return _confirmation(Granted(), at)
        return Depart("Strava refuses the athlete's token (401), also after renewing it.") if at.renewed else Renew()
    return decide(result, at)


def backoff(attempts: int, base: float) -> float:
    """Return the pause after so many failed attempts: ``base`` seconds, doubling, an hour at most."""
    return float(min(base * 2 ** min(attempts, 32), LONGEST_BACKOFF))


def _refused(result: Refused, at: Circumstances) -> Decision:
    if result.status == 404:
        return _not_found(at)
    if result.status == 429:
        wait = at.quota_frees_at if result.retry_after is None else at.now + result.retry_after
        return TryAgain(max(wait, at.now + 1.0), LIMIT_USED_UP, counts=False)
    if result.status == 401:
        missing = _missing_scope(result)
        if missing is not None:
            return Finish(
                Outcome.DEAD_LETTER,
                f"The athlete did not grant {missing}. Connect the athlete again on Configuration → Athletes and "
                "leave the box for activities ticked.",
            )
        if not at.renewed:
            return Renew()
        return _wait_for(Obstacle.RECONNECT, UNAUTHORIZED, at)
    if is_inactive(result):
        return _wait_for(Obstacle.INACTIVE, INACTIVE, at)
    if result.status == 403 and at.just_listed:
        return _give_up_on_listed(LISTED_NO_ACCESS, at)
    if result.status == 403:
        return Finish(
            Outcome.DEAD_LETTER,
            "Strava refuses access to this activity (403). Connect the athlete again on Configuration → Athletes and "
            "leave all boxes ticked.",
        )
    if is_outage(result):
        return _back_off(f"Strava answered {result.status}.", at, result.retry_after)
    return _back_off(f"Strava gave an answer that the add-on does not know ({result.status}).", at, result.retry_after)


def wants_renewal(result: Result) -> bool:
    """Whether Strava refuses the token: after renewing it too, the athlete has to connect again."""
    return isinstance(result, Refused) and result.status == 401 and _missing_scope(result) is None


def is_outage(result: Result) -> bool:
    """Whether the result may mean that Strava, or the way to it, is down."""
    if isinstance(result, Refused):
        return result.status >= 500 or result.status == 408
    return isinstance(result, NoAnswer) or (isinstance(result, Unusable) and not result.own_matter)


def sentence(result: Result) -> str:
    """Return what people are told about a failure."""
    if isinstance(result, Refused):
        return f"Strava answered {result.status}."
    return result.why if isinstance(result, (NoAnswer, Unusable, Barred, Postponed)) else ""


def describe(result: Result) -> str:
    """Return a word for the log."""
    return str(result.status) if isinstance(result, Refused) else type(result).__name__.lower()


def is_inactive(result: Result) -> bool:
    """Whether Strava says that it has switched the application off."""
    if isinstance(result, Barred):
        return result.obstacle is Obstacle.INACTIVE
    return (
        isinstance(result, Refused)
        and result.status == 403
        and any("inactive" in fault.lower() for fault in result.faults)
    )


def _not_found(at: Circumstances) -> Decision:
    deleted = at.deleted and at.delete_announced
    if deleted and _just_announced(at) and at.error != NEVER_SEEN:
        return TryAgain(at.now + GONE_RECHECK * at.retry_base, NEVER_SEEN, counts=False)
    # Announced and deleted within a second, or in the wrong order: probably it is gone, and an hour would be wasted.
    gone = deleted or (at.delete_announced and at.attempts + 1 >= at.max_attempts)
    if _just_announced(at) and not gone:
        why = "Strava announced this activity but does not have it yet (404)."
        return TryAgain(at.now + backoff(at.attempts, at.retry_base), why, counts=True)
    if at.deleted or at.delete_announced:
        # The tombstones may be out already; then there is no place left that needs one. After a crash there is.
        return Finish(Outcome.DELETED, tombstone=True)
    if at.missing:
        # The list was the first to say so.
        return Finish(Outcome.DELETED, tombstone=True)
    if at.came_back:
        return _give_up_on_listed(LISTED_NOT_THERE, at)
    if at.just_listed:
        # Deleted since, or hidden from us: lists may lag behind, or show for ever what is not to be had.
        if _may_be_tried(at):
            return TryAgain(at.now + backoff(at.attempts, at.retry_base), LISTED_NOT_THERE, counts=True)
        return Finish(Outcome.DELETED, tombstone=True, doubted=True)
    if not at.collected and at.error != NOT_THERE:
        return TryAgain(at.now + GONE_RECHECK * at.retry_base, NOT_THERE, counts=False)
    if not at.collected:
        return Finish(
            Outcome.DEAD_LETTER,
            "Strava does not have this activity, or the athlete's scope does not include it (404).",
        )
    if at.error != GONE_ONCE:
        return TryAgain(at.now + GONE_RECHECK * at.retry_base, GONE_ONCE, counts=False)
    return Finish(Outcome.DELETED, tombstone=True, doubted=True)


def _may_be_tried(at: Circumstances) -> bool:
    return at.attempts + 1 < at.max_attempts or _was_just_announced(at)


def _give_up_on_listed(why: str, at: Circumstances) -> Decision:
    """Strava lists it and does not give it: not for now, or for ever. What the list says of it stays in the index."""
    if _may_be_tried(at):
        return TryAgain(at.now + backoff(at.attempts, at.retry_base), why, counts=True)
    return Finish(Outcome.DEAD_LETTER, f"{why} {LISTED_STAYS}", counts=True, gives_up=True)


def _back_off(why: str, at: Circumstances, retry_after: Optional[float] = None) -> Decision:
    if at.circuit_opens_at is not None:
        return TryAgain(at.circuit_opens_at, why, counts=False)
    waited = max(at.now - at.created_at, 0.0)
    if at.unproven and waited < UNPROVEN_PATIENCE:
        # In a quiet hour nobody else's call shows whether Strava is down, so nothing is counted against the activity.
        pause = max(backoff(at.attempts, at.retry_base), min(waited / 4, LONGEST_BACKOFF))
        return TryAgain(at.now + pause, why, counts=False)
    if at.deleted:
        # The delete has been believed; only Strava can tell whether it was true, so this is never given up.
        return TryAgain(at.now + backoff(at.attempts, at.retry_base), why, counts=at.attempts + 1 < at.max_attempts)
    if at.attempts + 1 >= at.max_attempts and not _just_announced(at):
        return Finish(Outcome.DEAD_LETTER, f"{why} Given up after {at.attempts + 1} attempts.", counts=True)
    pause = max(backoff(at.attempts, at.retry_base), min(retry_after or 0.0, LONGEST_BACKOFF))
    return TryAgain(at.now + pause, why, counts=True)


def _just_announced(at: Circumstances) -> bool:
    return not at.collected and _was_just_announced(at)


def _was_just_announced(at: Circumstances) -> bool:
    return at.announced_at is not None and at.now < at.announced_at + ANNOUNCED_GRACE


def _wait_for(obstacle: Obstacle, why: str, at: Circumstances) -> Decision:
    return TryAgain(at.now, why, counts=False, obstacle=obstacle)


def _missing_scope(result: Refused) -> Optional[str]:
    """``activity:read_permission:missing`` → ``activity:read``."""
    for fault in sorted(result.faults):
        field, _, code = fault.rpartition(":")
        if code == "missing":
            suffix = "_permission"
            return (field[: -len(suffix)] if field.endswith(suffix) else field) or "the scope that this needs"
    return None
