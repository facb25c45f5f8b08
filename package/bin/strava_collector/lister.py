"""Walks through the lists of the athletes of one input *Strava Activities*, a page at a time.

What a list shows is written at once, as a first version; what is to be fetched in full becomes a job of the athlete's
owner, which may be another input. How far the walk has come is committed together with its jobs, so that a crash
repeats one page and loses none.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection
from typing import Callable, Optional

from strava_collector import ownership
from strava_collector.athlete_calls import SOON, AthleteCalls, Later
from strava_collector.clock import Clock
from strava_collector.due_lists import due_lists
from strava_collector.errors import CollectorError
from strava_collector.fetcher import Connection
from strava_collector.intake import LIST_LEASE_SECONDS, Intake
from strava_collector.job import Priority
from strava_collector.list_page import Look, Taken
from strava_collector.list_watch import ListWatch
from strava_collector.listing import NotAList, Page, read_page
from strava_collector.logfmt import line
from strava_collector.ports import Problems
from strava_collector.roster import roster
from strava_collector.settings import ActivitiesInput, Advanced, Athlete, Settings
from strava_collector.store import athletes, leases, volume, walks
from strava_collector.store.database import Database
from strava_collector.store.sqlite import Transaction
from strava_collector.transport import Answer
from strava_collector.walk import Purpose
from strava_collector.writer import Writer

log = logging.getLogger(__name__)

#: When nothing is due for longer, the settings are looked at again after this, in seconds.
LONGEST_WAIT = 60.0
#: Between two looks, in seconds, when something of ours is in the way.
SHORTEST_WAIT = 1.0
#: An athlete whose list cannot be had is asked again after this, in seconds; doubling, up to the longest.
REFUSED_PAUSE = 900.0
LONGEST_PAUSE = 6 * 3600.0
#: A list that lacks very much is looked at again after this, in seconds.
DOUBT_PAUSE = 1800.0

#: What is said when the add-on itself fails at a list.
OURS = "the add-on failed at it ({error}). Its log has the details: index=_internal action=list_failed."

#: Pages of history and of the slow walk, 200 activities each: so many at once, and one in so many seconds after that.
#: They are not history's calls, or they would wait for weeks behind the fetches that they lead to; and they are few
#: enough to leave the looks at the newest activities what these need.
SLOW_AT_ONCE = 30
SLOW_EVERY = 60.0

#: What goes first.
_RANKS = {Purpose.WINDOW: 0, Purpose.PASS: 1, Purpose.HISTORY: 2}


class Lister:
    """The walks of one input. One thread calls :meth:`look`."""

    def __init__(
        self,
        activities_input: ActivitiesInput,
        *,
        database: Database,
        writer: Writer,
        calls: AthleteCalls,
        clock: Clock,
        connection: Callable[[], Optional[Connection]],
        bulletin: Problems,
        found: Callable[[str], None] = lambda owner: None,
        barred: Callable[[], Collection[int]] = frozenset,
        newest: Callable[[], Optional[Settings]] = lambda: None,
    ) -> None:
        """``found`` is called with the name of the input that has something to fetch that should not wait; ``barred``
        tells the athletes for whom nothing can be written at present, ``newest`` the settings as they are known by
        the time that a list has come."""
        self._input = activities_input
        self._database = database
        self._calls = calls
        self._clock = clock
        self._connection = connection
        self._bulletin = bulletin
        self._found = found
        self._barred = barred
        self._intake = Intake(activities_input, database=database, writer=writer, clock=clock, newest=newest)
        #: Until when an athlete's lists for a purpose are left alone, and how often in a row they could not be had.
        self._paused: dict[tuple[int, Purpose], float] = {}
        #: When the slow pages that were listed so far are paid for, at one in so many seconds; monotonic.
        self._slow_until = -math.inf
        self._refused: dict[int, int] = {}
        #: How often in a row an athlete's list did not page.
        self._stuck: dict[int, int] = {}
        #: Kinds of faults of ours whose traceback was logged.
        self._faults: dict[int, set[str]] = {}
        #: What was said of why an athlete's list has to wait.
        self._postponed: dict[int, str] = {}
        #: When an athlete had a turn last, counted in turns.
        self._turns: dict[int, int] = {}
        self._turn = 0
        self._settings: Optional[Settings] = None
        self._told: tuple[str, ...] = ()
        self._watch = ListWatch(activities_input.name, database=database, clock=clock, bulletin=bulletin)

    @property
    def lease_name(self) -> str:
        """What the calls are made under, for :meth:`AthleteCalls.take_over`."""
        return f"lists of {self._input.name}"

    def take_over(self, tx: Transaction) -> None:
        """Count the call that a dead process of this input had under way, and give back its athlete."""
        self._calls.take_over(tx, self.lease_name)
        leases.release_all(tx, holder=self.lease_name)

    def look(self, settings: Optional[Settings]) -> Optional[float]:
        """List one page, if one is due; return in how many seconds to look again, None when the settings are there.

        Raises StoreUnavailable, OutputClosed and SessionExpired; the page is listed again then.
        """
        connection = self._connection()
        if settings is None or connection is None:
            return None
        if settings != self._settings:
            # Whatever was in the way may have been mended, a limit raised or an athlete connected again.
            self._settings, self._paused = settings, {}
        mine = self._athletes(settings)
        if {one.athlete_id for one in mine} != self._turns.keys():
            self._turns = {one.athlete_id: self._turns.get(one.athlete_id, 0) for one in mine}
            with self._database.write() as tx:
                walks.release(tx, self._input.name, self._turns)
        self._watch.look(settings, connection)
        barred = self._barred()
        due = self._next([one for one in mine if one.athlete_id not in barred], settings)
        if due is None:
            return LONGEST_WAIT
        at, look = due
        now = self._clock.now()
        if at > now:
            return min(at - now, LONGEST_WAIT)
        self._turn += 1
        self._turns[look.athlete.athlete_id] = self._turn
        self._guarded(look, connection, settings)
        return 0.0

    # What is next.

    def _athletes(self, settings: Settings) -> list[Athlete]:
        """The athletes that are listed here; who else was named, and why not them, is told once."""
        found = roster(self._input, settings)
        if found.told != self._told:
            self._told = found.told
            for text in found.notes:
                log.info(line("not_listed_here", input=self._input.name, why=text))
            if found.faults:
                self._bulletin.report("athletes", " ".join(found.faults))
            else:
                self._bulletin.resolved("athletes")
        return list(found.athletes)

    def _next(self, listed: list[Athlete], settings: Settings) -> Optional[tuple[float, Look]]:
        """The page to be listed next, and when."""
        now = self._clock.now()
        candidates: list[tuple[tuple[float, ...], float, Look]] = []
        with self._database.read() as tx:
            for athlete in listed:
                owner = ownership.owner_of(athlete, settings)
                if owner is None:
                    continue
                for due, look in due_lists(tx, self._input, athlete, owner, now):
                    purpose = look.walk.purpose
                    at = max(due, self._paused_until(athlete.athlete_id, purpose, now))
                    at = max(at, self._slow_from(tx, purpose, settings.advanced, now))
                    rank, turn = _RANKS[look.walk.purpose], self._turns.get(athlete.athlete_id, 0)
                    order: tuple[float, ...] = (0, rank, turn) if at <= now else (1, at, rank)
                    candidates.append((order, at, look))
        if not candidates:
            return None
        _, at, look = min(candidates, key=lambda one: (*one[0], one[2].athlete.athlete_id))
        return at, look

    def _paused_until(self, athlete_id: int, purpose: Purpose, now: float) -> float:
        until = self._paused.get((athlete_id, purpose), now)
        return until if until <= now + 86_400.0 else now  # it was set while the clock was ahead

    def _slow_from(self, tx: Transaction, purpose: Purpose, advanced: Advanced, now: float) -> float:
        """When a page of this purpose may be listed, in epoch seconds."""
        if purpose is Purpose.WINDOW:
            return now
        not_paid_for = self._slow_until - self._clock.monotonic()
        at = now + max(0.0, not_paid_for - (SLOW_AT_ONCE - 1) * SLOW_EVERY)
        if purpose is Purpose.HISTORY:
            at = max(at, volume.frees_at(tx, now, advanced.history_mb_per_day) or now)
        return at

    # One page.

    def _guarded(self, look: Look, connection: Connection, settings: Settings) -> None:
        """A fault of ours at one athlete's page must not hold up the others, nor cost a call every few seconds."""
        try:
            self._list(look, connection, settings)
        except CollectorError:
            raise
        except Exception as error:
            kind = type(error).__name__
            if kind not in self._faults.setdefault(look.athlete.athlete_id, set()):
                self._faults[look.athlete.athlete_id].add(kind)
                log.exception(line("list_failed", athlete_id=look.athlete.athlete_id, error=kind))
            self._refuse(look, OURS.format(error=kind))

    def _list(self, look: Look, connection: Connection, settings: Settings) -> None:
        """List a page under the athlete's lease: nobody is forgotten whose list is still to be taken in."""
        athlete, now = look.athlete, self._clock.now()
        name, holder = walks.lease_name(athlete.athlete_id), self.lease_name
        with self._database.write() as tx:
            is_gone = athletes.has_withdrawn(tx, athlete.athlete_id, athlete.connected_at)
            mine = is_gone or leases.acquire(tx, name=name, holder=holder, now=now, seconds=LIST_LEASE_SECONDS)
        if is_gone:
            self._postpone(look, now + LONGEST_WAIT, athletes.ROW_DELETED)
        elif not mine:
            self._postpone(look, now + LONGEST_WAIT, "Another input is just listing this athlete's activities.")
        else:
            try:
                self._list_page(look, connection, settings)
            finally:
                with self._database.write() as tx:
                    leases.release(tx, name=name, holder=holder)

    def _list_page(self, look: Look, connection: Connection, settings: Settings) -> None:
        asked_at, one = self._clock.now(), look.walk
        answer = self._calls.ask(
            look.athlete,
            connection,
            settings.advanced,
            lambda api, token: api.activities(
                token, before=one.before, after=one.after, page=one.page, per_page=one.per_page
            ),
            name=self.lease_name,
            priority=Priority.RECONCILIATION,
        )
        if isinstance(answer, Later):
            self._postpone(look, max(answer.until, asked_at + SHORTEST_WAIT), answer.why)
            return
        if one.purpose is not Purpose.WINDOW:
            self._slow_until = max(self._slow_until, self._clock.monotonic()) + SLOW_EVERY
        page = self._read(answer, look)
        if page is None:
            return
        taken = self._intake.take_in(
            look,
            page,
            asked_at=asked_at,
            client_id=connection.application.client_id,
            holder=self.lease_name,
        )
        if taken.stuck:
            self._tell_stuck(look)
        elif taken.doubted:
            self._doubt(look, taken.doubted, asked_at)
        else:
            self._tell_listed(look, page, taken)

    def _tell_stuck(self, look: Look) -> None:
        athlete_id = look.athlete.athlete_id
        times = self._stuck[athlete_id] = self._stuck.get(athlete_id, 0) + 1
        self._refused[athlete_id] = 1 + times  # hours, growing
        self._refuse(look, "Strava's list of activities brings the same page again and again, so it cannot be read.")

    def _doubt(self, look: Look, missing: int, asked_at: float) -> None:
        athlete, purpose = look.athlete, look.walk.purpose
        self._pause(athlete, purpose, asked_at + DOUBT_PAUSE)
        log.warning(
            line(
                "list_doubted",
                athlete_id=athlete.athlete_id,
                purpose=purpose.value,
                missing=missing,
                seconds=DOUBT_PAUSE,
            )
        )

    def _tell_listed(self, look: Look, page: Page, taken: Taken) -> None:
        athlete, one = look.athlete, look.walk
        if taken.complete:
            self._stuck.pop(athlete.athlete_id, None)
        self._is_well(athlete)
        self._watch.has_moved(athlete.athlete_id, complete=taken.complete and one.purpose is not Purpose.PASS)
        log.info(
            line(
                "listed",
                athlete_id=athlete.athlete_id,
                purpose=one.purpose.value,
                before=one.before,
                after=one.after,
                page=one.page if one.page > 1 else None,
                entries=page.count,
                complete=taken.complete,
                **taken.counts,
            )
        )
        if page.faults:
            self._tell_faults(athlete, page)
        if taken.urgent:
            self._found(look.owner.name)

    def _read(self, answer: Answer, look: Look) -> Optional[Page]:
        if answer.status != 200:
            self._refuse(look, _refusal(answer.status))
            return None
        try:
            return read_page(answer.json(), look.athlete.athlete_id)
        except NotAList as error:
            self._refuse(look, str(error))
        except (ValueError, RecursionError):
            self._refuse(look, "Strava answered 200, but with something that is not JSON.")
        return None

    def _postpone(self, look: Look, until: float, why: str) -> None:
        """No call can be made now: said once, however often that is found."""
        athlete, purpose = look.athlete, look.walk.purpose
        self._pause(athlete, purpose, until)
        seconds = until - self._clock.now()
        if seconds > SOON and self._postponed.get(athlete.athlete_id) != why:
            self._postponed[athlete.athlete_id] = why
            self._trouble(look, why, if_blocked=True)
            log.info(
                line("list_postponed", athlete_id=athlete.athlete_id, purpose=purpose.value, seconds=seconds, why=why)
            )

    def _refuse(self, look: Look, why: str) -> None:
        """The athlete's list cannot be had; the others' may."""
        athlete = look.athlete
        times = self._refused.get(athlete.athlete_id, 0)
        self._refused[athlete.athlete_id] = times + 1
        pause = min(REFUSED_PAUSE * 2 ** min(times, 10), LONGEST_PAUSE)
        for purpose in Purpose:
            self._pause(athlete, purpose, self._clock.now() + pause)
        log.warning(line("not_listed", athlete_id=athlete.athlete_id, seconds=pause, why=why))
        self._trouble(look, why)
        self._bulletin.report(
            _topic(athlete), f"The activities of athlete “{athlete.name}” cannot be listed: {why} It is tried again."
        )

    def _trouble(self, look: Look, why: str, *, if_blocked: bool = False) -> None:
        """Keep why the athlete cannot be listed; ``if_blocked`` only if that waits for the athlete."""
        athlete, now = look.athlete, self._clock.now()
        with self._database.write() as tx:
            if if_blocked and athlete.athlete_id not in athletes.blocked(tx, now):
                return
            # What was known of an athlete who has withdrawn is forgotten, and nothing of it comes back.
            if not athletes.has_withdrawn(tx, athlete.athlete_id, athlete.connected_at):
                about, connected_at = look.about(self._input.name), athlete.connected_at
                walks.trouble(tx, athlete.athlete_id, why, connected_at=connected_at, about=about, now=now)

    def _is_well(self, athlete: Athlete) -> None:
        self._postponed.pop(athlete.athlete_id, None)
        self._refused.pop(athlete.athlete_id, None)
        self._faults.pop(athlete.athlete_id, None)
        if athlete.athlete_id in self._stuck:
            return  # its first pages can always be had
        self._bulletin.resolved(_topic(athlete))  # a process before this one may have told of it

    def _tell_faults(self, athlete: Athlete, page: Page) -> None:
        log.warning(
            line(
                "bad_entries",
                athlete_id=athlete.athlete_id,
                entries=sum(page.faults.values()),
                why="; ".join(f"{number} {kind}" for kind, number in sorted(page.faults.items())),
            )
        )

    def _pause(self, athlete: Athlete, purpose: Purpose, until: float) -> None:
        self._paused[athlete.athlete_id, purpose] = until


def _topic(athlete: Athlete) -> str:
    return f"list_{athlete.athlete_id}"


def _refusal(status: int) -> str:
    if status in (401, 403):
        return (
            f"Strava refuses it ({status}). Connect the athlete again on Configuration → Athletes and leave the box "
            "for activities ticked."
        )
    return f"Strava answered {status}."
