"""Looks at what is around activities: the athletes' profiles, their zones, their bikes and shoes.

Once a day at most per athlete, each at a time of day of its own, within what history may call. An event is written when
something has changed, and noted when it is out: a crash in between writes it again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Callable, Optional, Union

from strava_collector.athlete_calls import AthleteCalls, Later
from strava_collector.clock import Clock
from strava_collector.events import Event, encode
from strava_collector.fetcher import Connection, Question
from strava_collector.job import Priority
from strava_collector.logfmt import line
from strava_collector.ownership import LeftOut, Owned
from strava_collector.profile import (
    DETAILS,
    day_of,
    due_at,
    gear_digest,
    gear_event,
    gear_in,
    gear_of,
    profile_digest,
    profile_event,
    profile_of,
)
from strava_collector.settings import Athlete, CollectorInput, Settings
from strava_collector.store import around, athletes, volume
from strava_collector.store.around import Gear
from strava_collector.store.database import Database, Transaction
from strava_collector.transport import Answer
from strava_collector.writer import Writer

log = logging.getLogger(__name__)

#: After a step that failed its athlete is left alone for so long, in seconds.
AFTER_FAULT = 3600.0
#: Nobody is left alone for longer, in seconds: to midnight UTC.
LONGEST_PAUSE = 86_400.0
#: More gear than this is in no profile; what is beyond it is left alone.
MOST_GEAR = 100


class Around:
    """Looks for one input: at the athletes whose owner it is."""

    def __init__(
        self,
        collector_input: CollectorInput,
        *,
        database: Database,
        writer: Writer,
        calls: AthleteCalls,
        clock: Clock,
        connection: Callable[[], Optional[Connection]],
        left_out: LeftOut,
        barred: Callable[[], Collection[int]] = frozenset,
    ) -> None:
        """``barred`` tells the athletes for whom nothing can be written at present."""
        self._input = collector_input
        self._owned = Owned(collector_input)
        self._left_out = left_out
        self._database = database
        self._writer = writer
        self._calls = calls
        self._clock = clock
        self._connection = connection
        self._barred = barred
        #: By athlete, until when nothing can be asked.
        self._not_before: dict[int, float] = {}

    def look(self, settings: Optional[Settings]) -> Optional[float]:
        """Look at one profile or one piece of gear, if one is due.

        A step of a loop of its own: returns the seconds until the next step, 0 if there may be more to do at once, and
        None if nothing is to be done until the settings change. Cheap when nothing is due, so that it may be called at
        any time. Raises StoreUnavailable, SessionExpired and OutputClosed.
        """
        connection = self._connection()
        if settings is None or connection is None:
            return None
        now = self._clock.now()
        with self._database.read() as tx:
            looked = around.profiles(tx)
            gear = around.gear_to_look_at(tx, today=day_of(now), now=now)
            barred = {found.athlete_id for found in athletes.standings(tx)}.union(self._barred())
        mine = self._owned.ids(settings) - barred
        times = {one: self._due(one, looked, now) for one in mine}
        for one in gear:
            if one.athlete_id in mine:
                times[one.athlete_id] = self._after_pause(one.athlete_id, 0.0, now)
        if not times:
            return None
        athlete_id = min(times, key=lambda one: (times[one], one))
        if times[athlete_id] > now:
            return times[athlete_id] - now
        visit = _Visit(settings.athletes[athlete_id], connection, settings)
        is_due = self._due(athlete_id, looked, now) <= now
        # A fault of ours at one athlete must neither cost a call every few seconds nor hold up the others.
        self._not_before[athlete_id] = now + AFTER_FAULT
        if is_due:
            until = self._look_at_profile(visit)
        else:
            until = self._look_at_gear(visit, next(one for one in gear if one.athlete_id == athlete_id))
        self._not_before[athlete_id] = 0.0 if until is None else until.until
        return 0.0

    def take_over(self, tx: Transaction) -> None:
        """Count what a dead process of this input had under way as a call that was made."""
        self._calls.take_over(tx, self._lease)

    @property
    def _lease(self) -> str:
        return f"profiles of {self._input.name}"

    def _due(self, athlete_id: int, looked: dict[int, Optional[float]], now: float) -> float:
        looked_at = looked.get(athlete_id)
        if looked_at is not None and looked_at > now:
            looked_at = None  # the clock has been set back since
        return self._after_pause(athlete_id, due_at(athlete_id, looked_at), now)

    def _after_pause(self, athlete_id: int, due: float, now: float) -> float:
        until = self._not_before.get(athlete_id, 0.0)
        return due if until > now + LONGEST_PAUSE else max(due, until)  # it was set while the clock was ahead

    def _look_at_profile(self, visit: _Visit) -> Optional[Later]:
        athlete_id = visit.athlete.athlete_id
        with self._database.write() as tx:
            if athletes.has_withdrawn(tx, athlete_id, visit.athlete.connected_at):
                return Later(self._clock.now() + AFTER_FAULT, athletes.ROW_DELETED)
            around.begin_profile(tx, athlete_id)
        answer = self._ask(visit, lambda api, token: api.athlete(token))
        if isinstance(answer, Later):
            return answer
        found = _object(answer)
        if found is None or found.get("id") != athlete_id:
            self._note_unread(visit, answer)
            with self._database.write() as tx:
                around.profile_seen(tx, athlete_id, digest=None, now=self._clock.now())
            return None
        zones: Optional[dict[str, object]] = None
        if DETAILS in visit.athlete.scopes:
            more = self._ask(visit, lambda api, token: api.zones(token))
            if isinstance(more, Later):
                return more  # both are asked for again: what belongs together is of one time
            zones = _object(more)
        profile = profile_of(found, zones, self._left_out.of(visit.athlete))
        index = visit.athlete.index or self._input.index
        digest = profile_digest(profile, index=index, connected_at=visit.athlete.connected_at)
        written = self._write_news(
            visit,
            lambda tx, now: around.profile_news(tx, athlete_id, digest, now),
            lambda at: profile_event(profile, collected_at=at, index=index, source=self._input.source),
        )
        if written is None:
            return None
        if written:
            log.info(line("profile_written", athlete_id=athlete_id, to_index=index))
        shown = gear_in(found)
        with self._database.write() as tx:
            self._count_volume(tx, written)
            around.profile_seen(tx, athlete_id, digest=digest, now=self._clock.now())
            if shown is not None:
                around.show_gear(tx, athlete_id, dict(sorted(shown.items())[:MOST_GEAR]))
        return None

    def _look_at_gear(self, visit: _Visit, gear: Gear) -> Optional[Later]:
        answer = self._ask(visit, lambda api, token: api.gear(gear.gear_id, token))
        if isinstance(answer, Later):
            return answer
        found, digest, written = _object(answer), None, 0
        if found is None or found.get("id") != gear.gear_id:
            self._note_unread(visit, answer, gear=gear.gear_id)
        else:
            kept = gear_of(found, self._left_out.of(visit.athlete))
            index = visit.athlete.index or self._input.index
            digest = new_digest = gear_digest(kept, index=index, connected_at=visit.athlete.connected_at)
            wrote = self._write_news(
                visit,
                lambda tx, now: around.gear_news(tx, gear, new_digest, now),
                lambda at: gear_event(
                    kept, athlete_id=gear.athlete_id, collected_at=at, index=index, source=self._input.source
                ),
            )
            if wrote is None:
                return None
            written = wrote
            if written:
                log.info(line("gear_written", athlete_id=gear.athlete_id, gear=gear.gear_id, to_index=index))
        with self._database.write() as tx:
            self._count_volume(tx, written)
            around.gear_seen(tx, gear, digest=digest, now=self._clock.now())
        return None

    def _write_news(
        self, visit: _Visit, news: Callable[[Transaction, float], Optional[float]], event: Callable[[float], Event]
    ) -> Optional[int]:
        """Write an event if there is news; return how many bytes, None if nothing of the athlete's may be written."""
        with self._writer.turn():
            with self._database.write() as tx:
                if athletes.has_withdrawn(tx, visit.athlete.athlete_id, visit.athlete.connected_at):
                    return None
                collected_at = news(tx, self._clock.now())
            if collected_at is None:
                return 0
            new = event(collected_at)
            self._writer.write(new)
        return len(new.data.encode())

    def _count_volume(self, tx: Transaction, size: int) -> None:
        if size:
            volume.add(tx, self._clock.now(), size)

    def _ask(self, visit: _Visit, question: Question) -> Union[Answer, Later]:
        return self._calls.ask(
            visit.athlete,
            visit.connection,
            visit.settings.advanced,
            question,
            name=self._lease,
            priority=Priority.HISTORY,
        )

    def _note_unread(self, visit: _Visit, answer: Answer, *, gear: Optional[str] = None) -> None:
        """Nothing waits for it: it is looked at again when it is due again."""
        log.warning(line("profile_not_read", athlete_id=visit.athlete.athlete_id, gear=gear, status=answer.status))


class _Visit:
    """Whose turn it is, and how Strava is reached."""

    def __init__(self, athlete: Athlete, connection: Connection, settings: Settings) -> None:
        self.athlete = athlete
        self.connection = connection
        self.settings = settings


def _object(answer: Answer) -> Optional[dict[str, object]]:
    """The JSON object of an answer 200 that can be written; None for anything else."""
    try:
        found = answer.json() if answer.status == 200 else None
        encode(found)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
