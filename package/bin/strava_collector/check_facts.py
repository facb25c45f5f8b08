"""What the set-up check has found, before anybody judges it. No secret is in here.

None means, unless it is said otherwise, that it could not be seen or was not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Optional

from strava_collector.callback_probe import Probe
from strava_collector.privacy import KEEP_ALL, Privacy
from strava_collector.store.heartbeats import Heartbeat
from strava_collector.subscription_rules import Listed, State


@dataclass(frozen=True)
class Queue:
    """What waits of one input."""

    #: Jobs, and how many of them are history.
    waiting: int = 0
    history: int = 0
    #: Why nothing can be fetched now, and until when; None if something can.
    pause: Optional[str] = None
    #: For how many seconds the job that has waited longest has been due; 0 if none is.
    overdue: float = 0.0
    #: Notifications held because their athlete is not connected, and because their subscription is not known.
    held_unknown: int = 0
    held_foreign: int = 0


@dataclass(frozen=True)
class InputFacts:
    """One input."""

    name: str
    #: Strava calls it; otherwise it is an input *Strava Activities*, which lists.
    listens: bool = True
    enabled: bool = True
    application: str = ""
    index: str = ""
    callback_url: str = ""
    #: TLS ends in front of the input, which needs no certificate.
    plain: bool = False
    #: The input creates and keeps the subscription itself.
    manages_subscription: bool = True
    #: What is wrong with its stanza.
    faults: tuple[str, ...] = ()
    #: Other inputs that want the same.
    rivals: tuple[str, ...] = ()
    #: Whether a process works for it.
    runs: Optional[bool] = None
    heartbeats: Mapping[str, Heartbeat] = field(default_factory=dict)
    certificate_faults: tuple[str, ...] = ()
    #: From when until when, in epoch seconds.
    certificate_valid: Optional[tuple[float, float]] = None
    probe: Optional[Probe] = None
    #: It may delete one with another callback URL.
    may_replace: bool = False
    #: How keeping the subscription went last, in a word and in sentences; none if nobody has tried.
    subscription_state: Optional[State] = None
    subscription_said: str = ""
    #: The subscription that the input has made or found to be its own, as far as it knows.
    kept_subscription: Optional[int] = None
    queue: Optional[Queue] = None
    #: What it leaves out, and the athletes' rows that it is for; none is all of the application's.
    privacy: Privacy = KEEP_ALL
    athletes: frozenset[str] = frozenset()
    #: How far each look at the lists goes back, in seconds.
    look_back: float = 7 * 86_400.0


class Standing(str, Enum):
    """What Strava says of an application."""

    VERIFIED = "verified"
    REFUSED = "refused"
    INACTIVE = "inactive"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class QuotaFacts:
    """Reads of an application, and how many it may make."""

    quarter_used: int
    quarter_allowed: int
    day_used: int
    day_allowed: int
    #: Why no read may be made now and until when; None if one may.
    pause: Optional[str] = None


@dataclass(frozen=True)
class ApplicationFacts:
    """A row of *Configuration → Applications*."""

    name: str
    #: What is wrong with the row itself.
    fault: str = ""
    standing: Standing = Standing.UNKNOWN
    #: A sentence about why.
    why: str = ""
    subscriptions: Optional[tuple[Listed, ...]] = None
    #: The id of the subscription whose notifications are taken for genuine.
    known: Optional[int] = None
    #: Name of the input that keeps the subscription; empty if none has tried.
    keeper: str = ""
    #: Strava's clock minus ours, in seconds.
    ahead: Optional[float] = None
    quota: Optional[QuotaFacts] = None


class Access(str, Enum):
    """What Strava says of an athlete's token."""

    GOOD = "good"
    REFUSED = "refused"
    #: The token is somebody else's.
    ANOTHER = "another athlete's"
    NOT_ASKED = "not asked"


@dataclass(frozen=True)
class AthleteFacts:
    """A row of *Configuration → Athletes*."""

    name: str
    #: None if nobody was ever connected in this row.
    athlete_id: Optional[int]
    application: str = ""
    scopes: frozenset[str] = frozenset()
    #: What the user wanted to be granted.
    wanted: str = ""
    index: str = ""
    has_tokens: Optional[bool] = None
    #: The athlete has withdrawn the permission at Strava; or the deletion of the row has begun and not ended.
    withdrawn: bool = False
    half_deleted: bool = False
    #: Why the athlete's access does not work any more, as the store has it; empty if nothing is known.
    refused: str = ""
    access: Access = Access.NOT_ASKED
    #: Why Strava was not asked, or what it said; a sentence.
    why: str = ""


@dataclass(frozen=True)
class ListFacts:
    """What one input *Strava Activities* has done for its athletes."""

    name: str
    application: str
    athletes: int
    #: Seconds from one look at the newest activities to the next.
    interval: float
    #: Activities that the index shows, how many of them in full, how many wait, how many cannot be had in full.
    found: int = 0
    in_full: int = 0
    waiting: int = 0
    given_up: int = 0
    #: ``done in about 12 days at 600 calls per day``, as it was said last.
    estimate: str = ""
    #: Athletes whose lists have not been walked through, with how far they have.
    unfinished: tuple[str, ...] = ()
    #: Why athletes cannot be listed, a sentence each.
    troubles: tuple[str, ...] = ()
    #: Activities that an athlete makes on a day, on average.
    per_day: float = 0.0
    #: When the athlete who waits for longest was looked at last, in epoch seconds.
    oldest_look: Optional[float] = None


@dataclass(frozen=True)
class MissFacts:
    """What lists found that the webhook of an input had not announced."""

    name: str
    today: int = 0
    yesterday: int = 0
    #: Since when the webhook seems dead, in epoch seconds; None if it does not.
    silent_since: Optional[float] = None


@dataclass(frozen=True)
class Facts:
    """Everything."""

    #: Epoch seconds.
    now: float
    inputs: Optional[tuple[InputFacts, ...]] = None
    applications: Optional[tuple[ApplicationFacts, ...]] = None
    athletes: Optional[tuple[AthleteFacts, ...]] = None
    #: Faults of the tabs that everything depends on, and of rows.
    faults: tuple[str, ...] = ()
    #: Why secrets could not be read, so that Strava was not asked; empty if they could.
    no_secrets: str = ""
    #: Why splunkd did not tell what could not be read; empty if it did.
    no_splunkd: str = ""
    #: Whether there is a store; None if that cannot be seen.
    has_store: Optional[bool] = None
    #: Why the store could not be looked into; empty if it could, or there is none.
    no_store: str = ""
    #: Names of the enabled indexes that take events.
    indexes: Optional[frozenset[str]] = None
    #: Whether events are sent on to other instances.
    forwards: bool = False
    #: The definition of the macro; empty if there is none.
    macro: Optional[str] = None
    keep_macro: bool = True
    #: Bytes, on the disk with the store.
    disk_free: Optional[int] = None
    folder: str = ""
    least_disk_mb: int = 500
    dead_letters: Optional[int] = None
    #: The reason of the newest one.
    newest_dead_letter: str = ""
    #: The inputs that have listed athletes, and the webhooks that should have announced what they found.
    lists: tuple[ListFacts, ...] = ()
    misses: tuple[MissFacts, ...] = ()
