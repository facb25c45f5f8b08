"""Carries out what a page of a list means: first versions out, jobs for what is to be fetched, the walk one page on.

Two transactions around the writing: the first decides with which ``collected_at`` and where each entry is written, the
second notes what is out, asks for fetches and moves the walk. After a crash in between the page is listed again, and
what was decided and is not known to be out is written again.
"""

from __future__ import annotations

import math
import uuid
from collections import Counter
from dataclasses import dataclass, replace
from typing import Callable, Optional

from strava_collector import listing, ownership, walk
from strava_collector.clock import Clock
from strava_collector.events import Event, activity_digest, activity_event, tombstone_event
from strava_collector.follow_up import note_gear
from strava_collector.job import Kind, Priority, Reason
from strava_collector.list_page import Look, Taken
from strava_collector.listing import Entry, Miss, Page, Seen, Verdict
from strava_collector.page_doubts import FEW_MISSING, PageDoubts
from strava_collector.privacy import of_activity, union
from strava_collector.settings import ActivitiesInput, Settings
from strava_collector.store import athletes, leases, ledger, ledger_lists, misses, queue, subscriptions, volume, walks
from strava_collector.store.database import Database
from strava_collector.store.ledger import Placed
from strava_collector.store.sqlite import Transaction
from strava_collector.walk import Purpose, Step
from strava_collector.writer import Writer

#: Activities that a list lacks are noted so many at a time.
_AT_ONCE = 200
#: Seconds of the lease under which an athlete's page is asked for and taken in: as long as somebody has it, the athlete
#: is not forgotten.
LIST_LEASE_SECONDS = 900.0


@dataclass(frozen=True)
class _Written:
    entry: Entry
    placed: Placed
    digest: str
    event: Event


class Intake:
    """Takes in the pages of one input."""

    def __init__(
        self,
        activities_input: ActivitiesInput,
        *,
        database: Database,
        writer: Writer,
        clock: Clock,
        newest: Callable[[], Optional[Settings]] = lambda: None,
    ) -> None:
        """``newest`` tells the settings as they are known by now: a call takes a while."""
        self._input = activities_input
        self._newest = newest
        self._doubts = PageDoubts()
        self._database = database
        self._writer = writer
        self._clock = clock

    def take_in(self, look: Look, page: Page, *, asked_at: float, client_id: str, holder: str) -> Taken:
        """Do all that follows from a page. Raises StoreUnavailable and OutputClosed; nothing is lost then.

        ``holder`` has had the athlete's lease since before the list was asked for. As long as it is held nobody forgets
        the athlete; if the permission was withdrawn meanwhile, nothing comes into being that nobody would look for.
        """
        step = walk.step(look.walk, page.starts, page.count)
        if step.stuck or self._doubts.repeats(look.athlete.athlete_id, look.walk, page.ids):
            with self._database.write() as tx:
                if not self._is_withdrawn(tx, look):
                    walks.end(tx, look.athlete.athlete_id, look.walk.purpose)  # it begins anew
            return Taken({}, stuck=True)
        counts: Counter[str] = Counter()
        lacking, total = self._lacking(look, page, step, asked_at)
        if self._doubts.lacks_too_much(look.athlete.athlete_id, look.walk, len(lacking), total, asked_at):
            return Taken({}, doubted=len(lacking))
        missing = self._ask_for_missing(look, lacking, asked_at, client_id)
        counts["missing"] = missing
        with self._writer.turn():
            now_wanted = self._as_wanted_now(look)
            if now_wanted is None:
                return Taken({})
            look = now_wanted
            with self._database.write() as tx:
                if self._is_withdrawn(tx, look) or not self._keep(tx, look, holder):
                    return Taken({})
                verdicts = self._judged(tx, look, page, asked_at)
                written = [
                    self._place(tx, look, entry)
                    for entry, _, verdict in verdicts
                    if verdict in (Verdict.NEW, Verdict.AGAIN)
                ]
                unannounced = self._missed(tx, look, verdicts, client_id)
            self._writer.write_all([event for one in written for event in self._events(one)])
        with self._database.write() as tx:
            self._note_written(tx, look, written)
            if self._is_withdrawn(tx, look):
                return Taken({})  # what was written has its place in the ledger, where it is found
            urgent = self._conclude(tx, look, page, verdicts, step, asked_at)
            counts["missed_by_webhook"] = self._note_misses(tx, look, unannounced)
        counts.update(verdict.value for _, _, verdict in verdicts if verdict is not Verdict.SAME)
        return Taken(
            {name: number for name, number in counts.items() if number},
            complete=step.next is None,
            urgent=urgent or missing > 0,
        )

    # Before anything is written.

    def _as_wanted_now(self, look: Look) -> Optional[Look]:
        """The same page with the settings of now; None if the athlete is nobody's any more, or has another consent."""
        settings = self._newest()
        if settings is None:
            return look
        athlete = settings.athletes.get(look.athlete.athlete_id)
        if athlete is None or athlete.connected_at != look.athlete.connected_at:
            return None
        owner = ownership.owner_of(athlete, settings)
        return None if owner is None else replace(look, athlete=athlete, owner=owner)

    def _is_withdrawn(self, tx: Transaction, look: Look) -> bool:
        return athletes.has_withdrawn(tx, look.athlete.athlete_id, look.athlete.connected_at)

    def _keep(self, tx: Transaction, look: Look, holder: str) -> bool:
        """Prolong the lease before something is written, which takes as long as splunkd likes."""
        name = walks.lease_name(look.athlete.athlete_id)
        return leases.acquire(tx, name=name, holder=holder, now=self._clock.now(), seconds=LIST_LEASE_SECONDS)

    def _judged(
        self, tx: Transaction, look: Look, page: Page, asked_at: float
    ) -> list[tuple[Entry, Optional[Seen], Verdict]]:
        now, judged = self._clock.now(), []
        for entry in page.entries:
            if entry.second < look.wanted.start:
                continue  # left alone
            seen = ledger_lists.seen(tx, entry.activity_id, look.athlete.athlete_id)
            judged.append((entry, seen, listing.judge(entry, seen, asked_at=asked_at, now=now)))
        return judged

    def _place(self, tx: Transaction, look: Look, entry: Entry) -> _Written:
        filtered = of_activity(entry.activity, union((look.owner.privacy, self._input.privacy)))
        placed = ledger.place_event(
            tx,
            activity_id=entry.activity_id,
            athlete_id=look.athlete.athlete_id,
            start_date=entry.start,
            index=look.index,
            input=look.owner.name,
            now=self._clock.now(),
            detailed=False,
            fingerprint=entry.fingerprint,
        )
        # Here, where it is known that the athlete has not left: with summaries only, no fetch tells of the gear.
        note_gear(tx, look.athlete.athlete_id, entry.activity, self._clock.now())
        event = activity_event(
            filtered,
            start=entry.start,
            collected_at=placed.collected_at,
            reason=Reason.POLLING.value,
            input_name=look.owner.name,
            index=look.index,
            source=self._input.source,
        )
        return _Written(entry, placed, activity_digest(filtered), event)

    def _events(self, one: _Written) -> list[Event]:
        return [*(tombstone_event(grave, self._input.source) for grave in one.placed.tombstones), one.event]

    # After everything is out.

    def _note_written(self, tx: Transaction, look: Look, written: list[_Written]) -> None:
        for one in written:
            ledger.left(tx, one.placed.tombstones)
            ledger.written(tx, one.entry.activity_id, collected_at=one.placed.collected_at, digest=one.digest)
        history = [one for one in written if look.is_history(one.entry.second)]
        if history:
            volume.add(tx, self._clock.now(), sum(len(one.event.data.encode()) for one in history))

    def _conclude(
        self,
        tx: Transaction,
        look: Look,
        page: Page,
        verdicts: list[tuple[Entry, Optional[Seen], Verdict]],
        step: Step,
        asked_at: float,
    ) -> bool:
        """Ask for fetches and move the walk; return whether something should not wait."""
        urgent = False
        listed = []
        for entry, _, verdict in verdicts:
            seen = ledger_lists.seen(tx, entry.activity_id, look.athlete.athlete_id)
            if verdict in (Verdict.NEW, Verdict.AGAIN):
                # Somebody else may have had something of it since, and does what is to be done.
                verdict = verdict if seen is None or not (seen.detailed or seen.deleted) else Verdict.LEAVE
            else:
                again = listing.judge(entry, seen, asked_at=asked_at, now=self._clock.now())
                verdict = again if again is verdict else Verdict.LEAVE
            if verdict is Verdict.LEAVE:
                continue
            listed.append((entry.activity_id, entry.fingerprint))
            wish = listing.wish(
                verdict,
                entry,
                seen,
                purpose=look.walk.purpose,
                covered=look.covers(entry.second),
                summaries_only=look.wanted.summaries_only,
            )
            if wish is not None:
                if wish.suspicion is not None:
                    ledger_lists.suspect(tx, entry.activity_id, wish.suspicion)
                self._join(tx, look, entry.activity_id, wish.priority)
                urgent = urgent or wish.priority is Priority.RECONCILIATION
        ledger_lists.note_listed(tx, listed, asked_at=asked_at)
        self._move(tx, look, step)
        return urgent

    def _join(self, tx: Transaction, look: Look, activity_id: int, priority: Priority) -> None:
        now = self._clock.now()
        queue.join(
            tx,
            kind=Kind.ACTIVITY,
            activity_id=activity_id,
            athlete_id=look.athlete.athlete_id,
            input=look.owner.name,
            reason=Reason.POLLING,
            priority=priority,
            force=False,
            due_at=now,
            now=now,
            trail=uuid.uuid4().hex[:12],
        )

    def _move(self, tx: Transaction, look: Look, step: Step) -> None:
        athlete = look.athlete
        # A page of history may have been listed while the walk was another one: what was covered meanwhile stays.
        before = walks.covered(tx, athlete.athlete_id, athlete.connected_at)
        after = walk.after_step(before, look.walk, step, in_full=not look.wanted.summaries_only)
        walks.save(
            tx,
            athlete.athlete_id,
            after,
            connected_at=athlete.connected_at,
            about=look.about(self._input.name),
            now=self._clock.now(),
        )
        if step.next is None:
            walks.end(tx, athlete.athlete_id, look.walk.purpose)
        else:
            walks.go_on(tx, athlete.athlete_id, step.next)

    # What the list lacks.

    def _lacking(self, look: Look, page: Page, step: Step, asked_at: float) -> tuple[list[Seen], int]:
        """What the page lacks where it should be, and how much should be there."""
        if step.judged is None or not page.names_all:
            return [], 0
        low, high = max(step.judged[0], look.wanted.start), step.judged[1]
        with self._database.read() as tx:
            there = ledger_lists.within(tx, look.athlete.athlete_id, low, high, without=())
        lacking = [one for one in there if one.activity_id not in page.ids and self._is_missing(look, one, asked_at)]
        return lacking, len(there)

    def _ask_for_missing(self, look: Look, lacking: list[Seen], asked_at: float, client_id: str) -> int:
        """Ask Strava for each activity that a page lacks; return how many."""
        for first in range(0, len(lacking), _AT_ONCE):
            with self._database.write() as tx:
                if self._is_withdrawn(tx, look):
                    return 0
                hears_since = self._hears_since(tx, look, client_id)
                for number, seen in enumerate(lacking[first : first + _AT_ONCE], start=first):
                    # A mass of them must not hold up what the looks at the newest activities find.
                    priority = Priority.RECONCILIATION if number < FEW_MISSING else Priority.HISTORY
                    self._suspect(tx, look, seen.activity_id, priority, asked_at, hears_since)
        return len(lacking)

    def _is_missing(self, look: Look, seen: Seen, asked_at: float) -> bool:
        return listing.is_missing(
            seen, asked_at=asked_at, began_at=look.walk.began_at, purpose=look.walk.purpose, now=self._clock.now()
        )

    def _suspect(
        self, tx: Transaction, look: Look, activity_id: int, priority: Priority, asked_at: float, hears_since: float
    ) -> None:
        """The list is the first word that the activity is gone, a fetch the second."""
        athlete_id = look.athlete.athlete_id
        seen = ledger_lists.seen(tx, activity_id, athlete_id)
        if seen is None or not self._is_missing(look, seen, asked_at):
            return
        ledger_lists.suspect(tx, activity_id, "missing")
        self._join(tx, look, activity_id, priority)
        if max(seen.collected_at or 0.0, seen.listed_at or 0.0) >= hears_since:
            self._add_miss(tx, look, activity_id, Miss.DELETED)

    # What the webhook has not told.

    def _hears_since(self, tx: Transaction, look: Look, client_id: str) -> float:
        """Since when the athlete's changes are announced, in epoch seconds; infinity if they are not."""
        since = subscriptions.since(tx, client_id) if look.owner.hears_of_changes else None
        if since is None:
            return math.inf
        try:
            return max(since, float(look.athlete.connected_at or 0.0))
        except ValueError:
            return since

    def _missed(
        self, tx: Transaction, look: Look, verdicts: list[tuple[Entry, Optional[Seen], Verdict]], client_id: str
    ) -> list[tuple[int, Miss]]:
        hears_since = self._hears_since(tx, look, client_id)
        if look.walk.purpose is Purpose.HISTORY or hears_since == math.inf:
            return []
        is_window = look.walk.purpose is Purpose.WINDOW
        covered_since = look.covered.window_at if is_window else look.covered.pass_at
        found = []
        for entry, seen, verdict in verdicts:
            covered = look.covered.spans.holds(entry.second)
            if not (is_window or covered):
                continue  # history, whoever finds it
            kind = listing.missed(
                verdict,
                entry,
                seen,
                covered=covered,
                covered_since=-math.inf if covered_since is None else covered_since,
                hears_since=hears_since,
            )
            if kind is not None:
                found.append((entry.activity_id, kind))
        return found

    def _note_misses(self, tx: Transaction, look: Look, found: list[tuple[int, Miss]]) -> int:
        return sum(self._add_miss(tx, look, activity_id, kind) for activity_id, kind in found)

    def _add_miss(self, tx: Transaction, look: Look, activity_id: int, kind: Miss) -> bool:
        return misses.add(
            tx,
            activity_id=activity_id,
            athlete_id=look.athlete.athlete_id,
            input=look.owner.name,
            kind=kind,
            now=self._clock.now(),
        )
