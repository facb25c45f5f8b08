"""Second-by-second samples of an activity: what is asked for, what an answer holds, and whether an edit moves them.

An activity of eight hours has 28,800 samples of eleven values. As Python objects they would take some 15 MB; so each
stream is packed as soon as the parser has read it, and only the piece that is being written is unpacked again.
"""

from __future__ import annotations

import hashlib
import json
import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, Optional, Union

from strava_collector.privacy import Privacy, stream_keys

#: Samples that are unpacked, encoded and written at once.
PIECE = 500
#: No activity is longer, in seconds: what says so is no offset.
LONGEST = 400 * 86_400

Value = Union[int, float, bool]
#: One stream: whole numbers, other numbers, or no, yes and nothing.
Packed = Union["array[int]", "array[float]", bytes]

#: How a packed stream of whole numbers says that there is no value; NaN does among other numbers.
_NOTHING = -(2**63)
_NO_YES: tuple[Optional[Value], ...] = (False, True, None)
#: Of the activity, what its samples depend on: with other values they may be others.
_DEPENDS_ON = (
    "start_date",
    "elapsed_time",
    "moving_time",
    "distance",
    "total_elevation_gain",
    "upload_id",
    "has_heartrate",
    "device_watts",
)


class NoStreams(ValueError):
    """The answer is JSON, but no set of streams."""


@dataclass(frozen=True)
class Streams:
    """The streams of one answer, packed."""

    #: Seconds since the activity's start; what has none is no sample.
    offsets: array[int]
    #: The others by the name that they have in an event, ``lat`` and ``lon`` apart; one may be shorter or longer.
    columns: Mapping[str, Packed]
    #: Streams that have another length than ``time``.
    uneven: tuple[str, ...] = ()

    def __len__(self) -> int:
        return sum(1 for offset in self.offsets if offset != _NOTHING)

    def pieces(self) -> Iterator[list[dict[str, Value]]]:
        """Yield the samples in pieces: ``offset`` first, then the values that exist."""
        for begin in range(0, len(self.offsets), PIECE):
            piece = self._piece(begin, begin + PIECE)
            if piece:
                yield piece

    def _piece(self, begin: int, end: int) -> list[dict[str, Value]]:
        samples: list[dict[str, Value]] = [{"offset": offset} for offset in self.offsets[begin:end]]
        for name, packed in self.columns.items():
            for sample, value in zip(samples, _unpacked(packed, begin, end)):
                if value is not None:
                    sample[name] = value
        return [sample for sample in samples if sample["offset"] != _NOTHING]


def is_recorded(activity: Mapping[str, object]) -> bool:
    """Whether the activity can have samples: somebody who types one in has none."""
    return activity.get("manual") is not True


def stream_key(activity: Mapping[str, object], privacy: Privacy, index: str) -> str:
    """Return a digest of what the activity's samples, as they stand in the index, depend on.

    ``activity`` is Strava's whole answer, before anything is left out of it. Another digest means that the samples may
    be others, or belong elsewhere; a new title or other gear does not change it.
    """
    route = activity.get("map")
    polyline = route.get("polyline") or route.get("summary_polyline") if isinstance(route, dict) else None
    values = [activity.get(name) for name in _DEPENDS_ON]
    text = json.dumps([values, polyline, stream_keys(privacy), index], separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]


def read_streams(body: bytes, privacy: Privacy) -> Streams:
    """Return the streams of an answer, packed one by one while it is being parsed.

    What is not a number (``moving``: not a yes or no) is no value. Strava's older form, a list whose entries have a
    ``type``, is read too. Raises NoStreams, ValueError for what is not JSON, and RecursionError.
    """
    found = json.loads(body.decode("utf-8"), object_hook=_packed_in, parse_constant=_refuse_constant)
    by_name: dict[str, object] = {}
    if isinstance(found, dict):
        by_name = found
    elif isinstance(found, list):
        by_name = {one.name: one for one in found if isinstance(one, _Stream)}
    if not isinstance(found, (dict, list)) or (found and not any(isinstance(one, _Stream) for one in by_name.values())):
        raise NoStreams
    wanted = {name: by_name[name] for name in stream_keys(privacy) if name in by_name}
    streams = {name: one for name, one in wanted.items() if isinstance(one, _Stream)}
    time = streams.pop("time", None)
    if time is None or len(time.columns) != 1:
        return Streams(array("q"), {})
    offsets = _offsets(time.columns[0])
    columns: dict[str, Packed] = {}
    for name, stream in streams.items():
        names = ("lat", "lon") if name == "latlng" else (name,)
        if len(names) == len(stream.columns):
            columns.update(zip(names, stream.columns))
    uneven = tuple(name for name, stream in streams.items() if len(stream.columns[0]) != len(offsets))
    return Streams(offsets, columns, uneven)


@dataclass(frozen=True)
class _Stream:
    """What the parser leaves of ``{"data": […], …}``: one column, or two of pairs."""

    name: str
    columns: tuple[Packed, ...]


def _packed_in(values: dict[str, object]) -> object:
    data = values.get("data")
    if not isinstance(data, list):
        return values
    if any(type(one) is list for one in data):
        return _Stream(str(values.get("type")), (_packed(_firsts(data)), _packed(_seconds(data))))
    return _Stream(str(values.get("type")), (_packed(data),))


def _firsts(pairs: Sequence[object]) -> list[object]:
    return [pair[0] if type(pair) is list and len(pair) == 2 else None for pair in pairs]


def _seconds(pairs: Sequence[object]) -> list[object]:
    return [pair[1] if type(pair) is list and len(pair) == 2 else None for pair in pairs]


def _packed(values: Sequence[object]) -> Packed:
    kinds = {type(value) for value in values}
    if bool in kinds:
        return bytes(int(value) if type(value) is bool else 2 for value in values)
    if float in kinds:
        return array("d", [_number(value) for value in values])
    return array("q", [value if type(value) is int and abs(value) < -_NOTHING else _NOTHING for value in values])


def _number(value: object) -> float:
    # Beyond the largest number JSON's parser says infinity, which is no value either.
    if type(value) is float and math.isfinite(value):
        return value
    return float(value) if type(value) is int and abs(value) < -_NOTHING else math.nan


def _unpacked(packed: Packed, begin: int, end: int) -> list[Optional[Value]]:
    if isinstance(packed, bytes):
        return [_NO_YES[value] for value in packed[begin:end]]
    # NaN is the one number that is not itself.
    return [None if value == _NOTHING or value != value else value for value in packed[begin:end]]


def _offsets(times: Packed) -> array[int]:
    """Whole seconds; what is none, or lies before the start or beyond all bounds, is nothing."""
    if isinstance(times, bytes):
        return array("q", [_NOTHING] * len(times))
    return array("q", [int(time) if 0 <= time <= LONGEST else _NOTHING for time in times])


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError("not a JSON number")
