"""Reading the time of an event from its text, by the settings of props.conf."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from re import Pattern
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_EXPAND = {"%T": "%H:%M:%S", "%F": "%Y-%m-%d"}
#: What a conversion matches. `%3N` and its like are subseconds with that many digits.
_MATCH = {
    "Y": r"(?P<Y>\d{4})",
    "m": r"(?P<m>\d{1,2})",
    "d": r"(?P<d>\d{1,2})",
    "H": r"(?P<H>\d{1,2})",
    "M": r"(?P<M>\d{1,2})",
    "S": r"(?P<S>\d{1,2})",
    "b": r"(?P<b>[A-Za-z]{3})",
    "s": r"(?P<s>\d{1,10})",
    "z": r"(?P<z>[+-]\d{2}:?\d{2})",
    "Z": r"(?P<Z>UTC|GMT|Z)",
    "N": r"(?P<N>\d+)",
    "Q": r"(?P<N>\d+)",
    "%": "%",
}
_CONVERSION = re.compile(r"%(\d?)([A-Za-z%])")
_DEFAULT_LOOKAHEAD = 128


class NoTime(Exception):
    """The text tells no time, or the settings do not say how to find it."""


@dataclass(frozen=True)
class TimeRule:
    """The settings of one sourcetype, checked and compiled."""

    prefix: Pattern[str]
    format: Pattern[str]
    lookahead: int
    zone: tzinfo | None
    #: The text names its zone itself (%z, %Z) or counts seconds since the epoch (%s).
    absolute: bool

    def read(self, text: str) -> float:
        """Seconds since the epoch.

        Raises:
            NoTime: prefix or time not found, a date that does not exist, or a zone that depends on the host.
        """
        start = self.prefix.search(text)
        if start is None:
            raise NoTime(f"TIME_PREFIX {self.prefix.pattern!r} is not in the text")
        # The whole time must lie within the window; splunkd looks no further.
        found = self.format.match(text[start.end() : start.end() + self.lookahead])
        if found is None:
            raise NoTime("the text after TIME_PREFIX does not fit TIME_FORMAT within MAX_TIMESTAMP_LOOKAHEAD")
        return self._moment(found.groupdict())

    def _moment(self, parts: Mapping[str, str | None]) -> float:
        fraction = float(f"0.{parts['N']}") if parts.get("N") else 0.0
        if parts.get("s"):
            return int(parts["s"] or 0) + fraction
        month = _MONTHS.index((parts["b"] or "").lower()) + 1 if parts.get("b") else int(parts.get("m") or 1)
        zone = self._zone_of(parts)
        hour, minute, second = (int(parts.get(name) or 0) for name in ("H", "M", "S"))
        try:
            moment = datetime(int(parts["Y"] or 0), month, int(parts.get("d") or 1), hour, minute, second, tzinfo=zone)
        except (KeyError, ValueError) as fault:
            raise NoTime(f"no such date: {fault}") from None
        return moment.timestamp() + fraction

    def _zone_of(self, parts: Mapping[str, str | None]) -> tzinfo:
        offset = parts.get("z")
        if offset:
            sign = -1 if offset[0] == "-" else 1
            return timezone(sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:])))
        if parts.get("Z"):
            return timezone.utc
        if self.zone is None:
            raise NoTime("the text names no zone and props.conf has no TZ: the time would depend on the host")
        return self.zone


def time_rule(props: Mapping[str, str]) -> TimeRule:
    """The rule in a stanza of props.conf.

    Raises:
        NoTime: there is no TIME_FORMAT (splunkd would guess), or something in the stanza cannot be read.
    """
    wanted = props.get("TIME_FORMAT")
    if not wanted:
        raise NoTime("props.conf has no TIME_FORMAT for it: the time would be guessed")
    if props.get("DATETIME_CONFIG", "").upper() in ("NONE", "CURRENT"):
        raise NoTime("DATETIME_CONFIG switches the time in the text off")
    pattern, names = _compile(wanted)
    try:
        prefix = re.compile(props.get("TIME_PREFIX", ""))
        zone = _zone(props["TZ"]) if props.get("TZ") else None
        lookahead = int(props.get("MAX_TIMESTAMP_LOOKAHEAD", _DEFAULT_LOOKAHEAD))
    except (re.error, ZoneInfoNotFoundError, ValueError) as fault:
        raise NoTime(f"props.conf: {fault}") from None
    return TimeRule(prefix, pattern, lookahead, zone, absolute=bool({"s", "z", "Z"} & set(names)))


def _zone(name: str) -> tzinfo:
    return timezone.utc if name in ("UTC", "GMT") else ZoneInfo(name)


def _compile(wanted: str) -> tuple[Pattern[str], list[str]]:
    for short, long in _EXPAND.items():
        wanted = wanted.replace(short, long)
    parts: list[str] = []
    names: list[str] = []
    at = 0
    for found in _CONVERSION.finditer(wanted):
        digits, name = found.groups()
        parts.append(re.escape(wanted[at : found.start()]))
        if name not in _MATCH or name in names:
            raise NoTime(f"the sandbox does not read {found.group()} in TIME_FORMAT")
        parts.append(rf"(?P<N>\d{{{digits}}})" if digits and name in "NQ" else _MATCH[name])
        names.append(name)
        at = found.end()
    parts.append(re.escape(wanted[at:]))
    return re.compile("".join(parts)), names
