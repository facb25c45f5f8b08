"""What a page of an athlete's list tells, entry by entry, held against the ledger: pure rules."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Optional

from strava_collector.errors import CollectorError
from strava_collector.events import NoStartDate, encode, epoch, start_date
from strava_collector.fingerprint import announced_differ, fingerprint, silent_differ
from strava_collector.job import Priority
from strava_collector.walk import Purpose

#: Strava's lists may lag behind what was announced or fetched a moment ago, in seconds.
LAG = 600.0
#: No activity lasts longer, in seconds.
_LONGEST = 1e9

#: Kinds of bad entries, with what is told of them.
NOT_AN_ENTRY = "is no activity"
NO_ID = "has no id"
NO_START = "has no start_date that can be read, so it has no place in the index"
NO_OWNER = "does not say whose it is"
STRANGERS = "is another athlete's"
TWICE = "is there twice"
NOT_JSON = "has a value that cannot be written"


class NotAList(CollectorError):
    """Strava answered 200, but not with a list of activities."""


@dataclass(frozen=True)
class Entry:
    """An activity as a list shows it."""

    activity_id: int
    #: ``start_date`` in the form that events begin with, and as epoch seconds.
    start: str
    second: int
    fingerprint: str
    #: As Strava sent it.
    activity: Mapping[str, object]


@dataclass(frozen=True)
class Page:
    """A page that is a list."""

    #: Those that can be used, in Strava's order.
    entries: tuple[Entry, ...]
    #: All that were on it.
    count: int
    #: Every start that can be read, in Strava's order, also of entries that cannot be used.
    starts: tuple[int, ...]
    #: Every id that can be read.
    ids: frozenset[int]
    #: What was wrong with how many entries, by kind.
    faults: Mapping[str, int]
    #: Each entry has an id, so that an activity that is not among them is not on the page.
    names_all: bool


def read_page(body: object, athlete_id: int) -> Page:
    """Read an answer's JSON. Entries that cannot be used are counted and left out. Raises NotAList."""
    if not isinstance(body, list):
        raise NotAList("Strava answered 200, but not with a list of activities.")
    entries: list[Entry] = []
    starts: list[int] = []
    ids: set[int] = set()
    used: set[int] = set()
    faults: dict[str, int] = {}
    names_all = True
    for one in body:
        activity_id = one.get("id") if isinstance(one, dict) else None
        named = type(activity_id) is int and 0 < activity_id < 2**63
        names_all = names_all and named
        if isinstance(one, dict):
            with suppress(NoStartDate, ValueError, OverflowError):
                starts.append(int(epoch(start_date(one))))
        fault = _fault(one, athlete_id, named, used)
        if named and isinstance(activity_id, int):
            ids.add(activity_id)
        if fault is not None:
            faults[fault] = faults.get(fault, 0) + 1
        elif isinstance(activity_id, int):
            used.add(activity_id)
            start = start_date(one)
            entries.append(Entry(activity_id, start, int(epoch(start)), fingerprint(one), one))
    return Page(tuple(entries), len(body), tuple(starts), frozenset(ids), faults, names_all)


def _fault(one: object, athlete_id: int, named: bool, used: set[int]) -> Optional[str]:
    """What makes an entry unusable beside those that are used already; None if nothing does."""
    if not isinstance(one, dict):
        return NOT_AN_ENTRY
    if not named:
        return NO_ID
    if one["id"] in used:
        return TWICE
    owner = one.get("athlete")
    owner_id = owner.get("id") if isinstance(owner, dict) else None
    if type(owner_id) is not int:
        return NO_OWNER
    if owner_id != athlete_id:
        return STRANGERS
    try:
        epoch(start_date(one))
    except (NoStartDate, ValueError, OverflowError):
        return NO_START
    try:
        encode(one)
        fingerprint(one)
    except (ValueError, RecursionError):
        return NOT_JSON
    return None


@dataclass(frozen=True)
class Seen:
    """What the store knows of an activity when a list shows it, or lacks it; times in epoch seconds."""

    activity_id: int
    #: Of the newest version; None if none was written.
    start_date: Optional[str] = None
    collected_at: Optional[float] = None
    deleted: bool = False
    #: The newest version is the activity in full.
    detailed: bool = True
    #: The newest version is known to be out.
    is_out: bool = True
    fingerprint: Optional[str] = None
    #: Fingerprint of the newest entry seen in a list, and when that was asked for.
    listed: Optional[str] = None
    listed_at: Optional[float] = None
    #: A list has made a fetch necessary that has not been made.
    suspected: bool = False
    #: It exists although lists do not have it.
    unlisted: bool = False
    #: Fingerprint of the entry whose activity could not be fetched for good.
    given_up: Optional[str] = None
    #: Newest ``event_time`` among its notifications.
    event_time: Optional[int] = None
    updated_at: float = 0.0
    #: The priority of the job that waits for it or is under way; None if there is none.
    live: Optional[Priority] = None
    #: It is under way, and may have seen what was before.
    working: bool = False


class Verdict(Enum):
    """What follows from an entry for its activity."""

    #: The index does not show it: write the entry as its first version.
    NEW = "new"
    #: The index has what a list said before: write the entry as a further version.
    AGAIN = "again"
    #: The index has what the list says, and not the activity in full.
    SUMMARY = "summary"
    #: It was edited since it was fetched in full.
    DIFFERS = "differs"
    #: Nothing is to be done.
    SAME = "same"
    #: Something has happened to it since the list was asked for; the next list will show how it is.
    LEAVE = "leave"


def judge(entry: Entry, seen: Optional[Seen], *, asked_at: float, now: float) -> Verdict:
    """Say what an entry of a list that was asked for at ``asked_at`` means."""
    if seen is None:
        return Verdict.NEW
    # What seems to have happened later than now happened while the clock was ahead, nobody knows when.
    if asked_at < seen.updated_at <= now:
        return Verdict.LEAVE
    if seen.deleted:
        return Verdict.LEAVE if asked_at - LAG < seen.updated_at <= now else Verdict.NEW
    if seen.start_date is None:
        return Verdict.NEW
    if not seen.detailed:
        same = seen.is_out and (seen.fingerprint, seen.start_date) == (entry.fingerprint, entry.start)
        return Verdict.SUMMARY if same else Verdict.AGAIN
    return Verdict.DIFFERS if _differs(entry.fingerprint, seen) else Verdict.SAME


def _differs(found: str, seen: Seen) -> bool:
    """Whether an activity that was collected in full was edited since.

    Names, types and who may see it are the same everywhere, so the version in the index is what counts. Should Strava's
    lists and its activities in full never agree in the rest, the entry that was seen before is what counts, or each
    activity would be fetched again and again.
    """
    if found in (seen.fingerprint, seen.given_up) or (_is_listed_since(seen) and found == seen.listed):
        return False
    if seen.fingerprint is None:
        return True  # it was collected before there were fingerprints, and nobody knows whether it was edited since
    return announced_differ(found, seen.fingerprint) or silent_differ(found, seen.listed or seen.fingerprint)


def _is_listed_since(seen: Seen) -> bool:
    """Whether a list has shown it since its newest version was collected."""
    return seen.listed_at is not None and (seen.collected_at is None or seen.listed_at >= seen.collected_at)


@dataclass(frozen=True)
class Wish:
    """A fetch that a list makes necessary."""

    priority: Priority
    #: Why, if the ledger is to remember it.
    suspicion: Optional[str] = None


def wish(
    verdict: Verdict, entry: Entry, seen: Optional[Seen], *, purpose: Purpose, covered: bool, summaries_only: bool
) -> Optional[Wish]:
    """Return the fetch that follows from a verdict; None if there is none.

    ``covered`` says whether the place of the entry was listed before, or lies within the days that each look goes
    back: then it is no history. A look's page may show more than those days.
    """
    wanted = _wanted(verdict, seen, purpose, covered, summaries_only)
    if wanted is None or seen is None:
        return wanted
    if seen.given_up == entry.fingerprint:
        return None
    if seen.live is not None and not seen.working and seen.live <= wanted.priority and wanted.suspicion is None:
        return None
    return wanted


def _wanted(
    verdict: Verdict, seen: Optional[Seen], purpose: Purpose, covered: bool, summaries_only: bool
) -> Optional[Wish]:
    if verdict is Verdict.DIFFERS:
        # What has no fingerprint is asked for once after an upgrade; what is old takes no calls from what is new.
        is_recent = purpose is Purpose.WINDOW and covered
        is_old = seen is not None and seen.fingerprint is None and not is_recent
        return Wish(Priority.HISTORY if is_old else Priority.RECONCILIATION, "differs")
    if verdict is Verdict.SAME:
        # The fetch was given up, or an operator has deleted it: now and then it is tried again.
        again = seen is not None and seen.suspected and seen.live is None and purpose is Purpose.PASS
        return Wish(Priority.RECONCILIATION) if again else None
    if summaries_only or verdict is Verdict.LEAVE:
        return None
    if verdict is Verdict.SUMMARY:
        # What failed again and again within the days of the window is not tried with each look.
        again = seen is not None and seen.live is None and purpose is not Purpose.WINDOW
        return Wish(Priority.HISTORY) if again else None
    is_history = purpose is Purpose.HISTORY or not covered
    return Wish(Priority.HISTORY if is_history else Priority.RECONCILIATION)


def is_missing(seen: Seen, *, asked_at: float, began_at: float, purpose: Purpose, now: float) -> bool:
    """Whether to ask Strava for an activity that a list lacks where it should be; ``began_at`` is the walk's."""
    if seen.deleted or seen.start_date is None:
        return False
    if asked_at - LAG < seen.updated_at <= now:
        return False
    if seen.listed_at is not None and began_at <= seen.listed_at <= now:
        return False  # elsewhere in this very walk: its start was edited
    if purpose is Purpose.PASS:
        return not (seen.suspected and seen.live is not None)
    return not seen.unlisted and not seen.suspected


class Miss(str, Enum):
    """What a list showed that no notification had announced."""

    NEW = "new"
    CHANGED = "changed"
    DELETED = "deleted"


def missed(
    verdict: Verdict, entry: Entry, seen: Optional[Seen], *, covered: bool, covered_since: float, hears_since: float
) -> Optional[Miss]:
    """Return what the webhook has not told; None if it has, or need not have.

    ``covered_since`` is when lists began to cover the place, ``hears_since`` since when the athlete is connected and
    the subscription there; epoch seconds.
    """
    if seen is not None and seen.live is not None:
        return None
    if verdict is Verdict.NEW:
        if seen is not None and (seen.event_time is not None or seen.deleted):
            return None
        appeared_since = covered and covered_since >= hears_since
        return Miss.NEW if appeared_since or _ended(entry) >= hears_since else None
    if seen is None or verdict not in (Verdict.DIFFERS, Verdict.AGAIN):
        return None
    before = seen.listed if _is_listed_since(seen) else seen.fingerprint
    known_at = max(seen.collected_at or 0.0, seen.listed_at or 0.0)
    if before is None or known_at < hears_since or not announced_differ(entry.fingerprint, before):
        return None
    return None if seen.event_time is not None and seen.event_time > known_at else Miss.CHANGED


def _ended(entry: Entry) -> float:
    elapsed = entry.activity.get("elapsed_time")
    # JSON's numbers may be larger than anything that can be calculated with.
    lasted = elapsed if isinstance(elapsed, (int, float)) and 0 < elapsed < _LONGEST else 0.0
    return entry.second + float(lasted)
