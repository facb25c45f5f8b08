"""What is going to happen, decided beforehand: the same seed gives the same plan."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from sandbox.chaos.extent import FAULTS, Extent

#: Athletes by their position; those of the second half granted ``activity:read`` only.
ATHLETES = 6
FULL_SCOPE = 3
#: The one who disconnects the application before the end.
LEAVER = 5
#: Athletes whom the add-on does not know.
STRANGERS = 3

#: Kinds of activities with their types: mostly small ones, because their size is not what is examined.
_KINDS = {"manual": "Workout", "swim": "Swim", "walk": "Walk", "run": "Run", "ride": "Ride"}
LARGE = "ride"
_TYPES = ("Ride", "Run", "Walk", "Workout", "TrailRun")
#: How often what happens, in parts. Forged ones look like Strava's; nothing in them proves who sent them.
_RECORD, _EDIT, _RETYPE, _DELETE, _HIDE, _FORGE, _REPEAT = 34, 26, 6, 8, 12, 5, 4


class Deed(Enum):
    """What somebody does; the value is a word for tables."""

    RECORD = "recorded"
    EDIT = "renamed"
    RETYPE = "given another type"
    DELETE = "deleted"
    HIDE = "hidden"
    SHOW = "shown again"
    DEAUTHORIZE = "disconnected"
    #: Strava sends an acknowledged notification once more.
    REPEAT = "sent again"
    #: Of an athlete who is not connected.
    STRANGER = "of a stranger"
    #: Of another subscription.
    FOREIGN = "of a foreign subscription"
    FALSE_DEAUTHORIZATION = "false deauthorization"
    FALSE_DELETE = "false delete"
    #: An update of an activity that never was.
    FALSE_UPDATE = "false update"


#: What somebody on the internet sends who knows the address.
FORGED = (Deed.STRANGER, Deed.FALSE_DELETE, Deed.FALSE_DEAUTHORIZATION, Deed.FOREIGN, Deed.FALSE_UPDATE)
_FORGED_PARTS = (30, 35, 5, 15, 15)


@dataclass(frozen=True)
class Step:
    """One notification, and what gives rise to it."""

    deed: Deed
    #: Position of the athlete, or of the stranger.
    athlete: int = 0
    #: Position of the activity, in the order of recording; of the notification to be repeated for ``REPEAT``.
    what: int = 0
    #: The new title or type, the kind of a new activity, or ids of forged ones.
    value: str = ""
    #: Follows the step before at once.
    burst: bool = False
    #: A new activity is not found by so many requests, as happens at Strava.
    not_found: int = 0


#: Kinds of strikes besides the faults.
RATE_LIMITED = 429
LONG_SILENCE = "long silence"


class Woe(Enum):
    """What goes wrong besides single calls."""

    KILL = "kill"
    #: The setting for the least free disk space is more than there is.
    SCARCE_DISK = "scarce disk"
    #: Writes of the process fail.
    FULL_DISK = "full disk"
    OUTAGE = "outage of splunkd"
    FULL_PIPE = "full pipe"
    EXPIRY = "expiry of all access tokens"


@dataclass(frozen=True)
class Trouble:
    """Something that goes wrong once so many steps were made."""

    after: int
    woe: Woe
    #: Seconds to wait before it.
    pause: float = 0.0


@dataclass(frozen=True)
class Strike:
    """A fault that one call meets after so many steps."""

    after: int
    kind: int | str


@dataclass(frozen=True)
class Plan:
    """The whole run."""

    seed: int
    steps: tuple[Step, ...]
    #: In order.
    troubles: tuple[Trouble, ...]
    #: In order; each kind of fault is among them.
    strikes: tuple[Strike, ...]

    @property
    def fingerprint(self) -> str:
        """Equal for equal plans."""
        return hashlib.sha256(repr((self.steps, self.troubles, self.strikes)).encode()).hexdigest()[:12]


def plan(seed: int, extent: Extent) -> Plan:
    """Decide what happens."""
    chance = random.Random(f"chaos {seed}")
    steps = tuple(steps_of(chance, extent.notifications))
    large = next(number for number, step in enumerate(steps) if step.value == LARGE)
    troubles = tuple(_troubles(chance, extent, len(steps), large))
    return Plan(seed, steps, troubles, _strikes(chance, extent, len(steps)))


@dataclass
class _Ride:
    """An activity as the plan has it."""

    number: int
    athlete: int
    type: str
    private: bool = False
    edits: int = 0


@dataclass
class _State:
    rides: list[_Ride] = field(default_factory=list)
    recorded: int = 0
    forged: int = 0


def steps_of(chance: random.Random, notifications: int) -> Iterator[Step]:
    """So many notifications, and repetitions of some; nine tenths in somebody disconnects."""
    state, made, sent = _State(), 0, 0
    leaves = notifications * 9 // 10
    # One event that is larger than any pipe, for the trouble with the full one.
    large = notifications * 3 // 4
    deeds = [Deed.RECORD, Deed.EDIT, Deed.RETYPE, Deed.DELETE, Deed.HIDE, Deed.STRANGER, Deed.REPEAT]
    weights = [_RECORD, _EDIT, _RETYPE, _DELETE, _HIDE, _FORGE, _REPEAT]
    gone = False
    while made < notifications:
        if made >= leaves and not gone:
            gone = True
            state.rides = [ride for ride in state.rides if ride.athlete != LEAVER]
            sequence = [Step(Deed.DEAUTHORIZE, LEAVER)]
        elif made >= large:
            large = notifications
            sequence = [_recorded(chance, state, gone, LARGE)]
        else:
            (deed,) = chance.choices(deeds, weights)
            sequence = _sequence(chance, state, deed, sent, gone)
        for step in sequence:
            if made == notifications:
                return
            yield step
            sent += 1
            made += step.deed is not Deed.REPEAT


def _sequence(chance: random.Random, state: _State, deed: Deed, sent: int, gone: bool) -> list[Step]:
    """The steps of one decision; several for a burst."""
    if deed is Deed.REPEAT and sent:
        return [Step(Deed.REPEAT, what=chance.randrange(max(0, sent - 200), sent))]
    # Mostly what is recent is edited, as in life.
    rides = state.rides[-40:] if chance.random() < 0.8 else state.rides
    visible = [ride for ride in rides if not ride.private]
    if deed is Deed.STRANGER:
        return [_forged(chance, state, visible)]
    if deed is Deed.RECORD or not visible:
        return [_recorded(chance, state, gone)]
    ride = chance.choice(visible)
    if deed is Deed.DELETE:
        state.rides.remove(ride)
        return [Step(Deed.DELETE, ride.athlete, ride.number)]
    if deed is Deed.HIDE:
        return _hidden(chance, ride, [one for one in rides if one.private])
    if deed is Deed.RETYPE:
        ride.type = chance.choice([name for name in _TYPES if name != ride.type])
        return [Step(Deed.RETYPE, ride.athlete, ride.number, ride.type)]
    steps = []
    for position in range(chance.choice((1, 1, 2, 3, 5))):
        ride.edits += 1
        title = f"Ride {ride.number}, edit {ride.edits}"
        steps.append(Step(Deed.EDIT, ride.athlete, ride.number, title, burst=position > 0))
    return steps


def _recorded(chance: random.Random, state: _State, gone: bool, kind: str = "") -> Step:
    athletes = [number for number in range(ATHLETES) if not (gone and number == LEAVER)]
    kind = kind or chance.choices(tuple(_KINDS), (950, 35, 10, 5, 0))[0]
    ride = _Ride(state.recorded, chance.choice(athletes), _KINDS[kind])
    state.recorded += 1
    state.rides.append(ride)
    return Step(Deed.RECORD, ride.athlete, ride.number, kind, not_found=int(chance.random() < 0.03))


def _hidden(chance: random.Random, ride: _Ride, hidden: list[_Ride]) -> list[Step]:
    """Hide one, show one, or in quick succession: hide, show, hide."""
    if hidden and chance.random() < 0.5:
        ride = chance.choice(hidden)
        ride.private = False
        return [Step(Deed.SHOW, ride.athlete, ride.number)]
    ride.private = True
    steps = [Step(Deed.HIDE, ride.athlete, ride.number)]
    if chance.random() < 0.3:
        steps.append(Step(Deed.SHOW, ride.athlete, ride.number, burst=True))
        steps.append(Step(Deed.HIDE, ride.athlete, ride.number, burst=True))
    return steps


def _forged(chance: random.Random, state: _State, visible: list[_Ride]) -> Step:
    # Each kind once, then as it happens.
    if state.forged < len(FORGED):
        deed = FORGED[state.forged]
    else:
        (deed,) = chance.choices(FORGED, _FORGED_PARTS)
    state.forged += 1
    if deed is Deed.STRANGER:
        return Step(deed, chance.randrange(STRANGERS), value=str(state.forged))
    if deed is Deed.FALSE_DELETE and visible:
        ride = chance.choice(visible)
        return Step(deed, ride.athlete, ride.number)
    athlete = chance.choice([number for number in range(ATHLETES) if number != LEAVER])
    return Step(Deed.FALSE_UPDATE if deed is Deed.FALSE_DELETE else deed, athlete, value=str(state.forged))


def _troubles(chance: random.Random, extent: Extent, steps: int, large: int) -> Iterator[Trouble]:
    """Two of the kills are part of the scarce disk, one may be of the outage: a start is when settings are read."""
    kills = extent.kills - 2 - extent.start_in_outage
    planned = [
        Trouble(steps * 20 // 100, Woe.SCARCE_DISK),
        Trouble(steps * 45 // 100, Woe.FULL_DISK),
        Trouble(steps * 60 // 100, Woe.OUTAGE),
        Trouble(large, Woe.FULL_PIPE),
    ]
    planned += [Trouble(chance.randrange(steps * 98 // 100), Woe.EXPIRY) for _ in range(extent.expiries)]
    planned += [Trouble(chance.randrange(steps * 98 // 100), Woe.KILL, chance.uniform(0.0, 1.0)) for _ in range(kills)]
    return iter(sorted(planned, key=lambda trouble: trouble.after))


def _strikes(chance: random.Random, extent: Extent, steps: int) -> tuple[Strike, ...]:
    strikes = [
        Strike(chance.randrange(steps * 85 // 100), kind)
        for kind in [*FAULTS * extent.strikes, *[LONG_SILENCE] * extent.long_silences]
    ]
    # Calls rest for a quarter of a minute then, whatever Strava asks for. The first comes just before the scarce disk,
    # while which there is little to fetch.
    strikes += [Strike(steps * (18 + 25 * number) // 100, RATE_LIMITED) for number in range(extent.rate_limited)]
    return tuple(sorted(strikes, key=lambda strike: strike.after))
