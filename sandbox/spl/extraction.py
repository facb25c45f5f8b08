"""Fields of an event's text: of JSON (``KV_MODE = json``), of ``key=value``, by a path; aliases and calculated fields.

The limits are those of ``limits.conf`` of Splunk 9, which an add-on may not change: the first 5,000 characters (counted
here in bytes, which is stricter) and 100 fields. A path has none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from sandbox.spl.expression import evaluate
from sandbox.spl.text import parts
from sandbox.spl.values import Row

CUTOFF = 5_000
FIELDS = 100

_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+)')
#: ``key=value`` and ``key="two words"``. A backslash does not protect a quotation mark.
_PAIR = re.compile(r'(?<![\w.])([A-Za-z_][\w.]*)=(?:"([^"]*)"|([^\s",|;]+))')
#: The same where it does: ``KV_MODE = auto_escaped`` (props.conf.spec).
_ESCAPED_PAIR = re.compile(r'(?<![\w.])([A-Za-z_][\w.]*)=(?:"((?:[^"\\]|\\.)*)"|([^\s",|;]+))')


def of_json(text: str, *, cutoff: int = CUTOFF, limit: int = FIELDS) -> Row:
    """The fields in the beginning of a JSON text; what is cut off is not found. ``a{}.b`` has all its values."""
    encoded = text.encode()
    is_whole = len(encoded) <= cutoff
    beginning = encoded[:cutoff].decode("utf-8", "ignore")
    found: Row = {}
    for name, value in _whole("", _numbers_kept(text)) if is_whole else _values(beginning):
        if name not in found:
            if len(found) == limit:
                break
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def _numbers_kept(text: str) -> Any:
    """The content of a JSON text, numbers as they are written."""
    try:
        return json.loads(text, parse_float=str, parse_int=str)
    except ValueError:
        return None


def _whole(prefix: str, content: Any) -> Iterator[tuple[str, str]]:
    if isinstance(content, dict):
        for key, part in content.items():
            name = f"{prefix}.{key}" if prefix else key
            if isinstance(part, str):
                yield name, part
            else:
                yield from _whole(name, part)
    elif isinstance(content, list):
        for part in content:
            yield from _whole(f"{prefix}{{}}", part)
    elif prefix:
        yield prefix, content if isinstance(content, str) else {None: "null", True: "true", False: "false"}[content]


def _values(text: str) -> Iterator[tuple[str, str]]:
    """Walk through the tokens of a text that may end anywhere."""
    prefixes, prefix = [""], ""
    key, where = "", 0
    match = _TOKEN.match
    while (found := match(text, where)) is not None:
        token, where = found[1], found.end()
        if token == ",":
            key = ""
        elif token in ("{", "["):
            prefix = _joined(prefix, key) + "{}" * (token == "[")
            prefixes.append(prefix)
            key = ""
        elif token in ("}", "]"):
            prefixes.pop()
            prefix = prefixes[-1] if prefixes else ""
            key = ""
        elif token == ":":
            pass
        elif token[0] == '"' and text[where : where + 1] == ":":
            key = json.loads(token)
        elif text[where : where + 1] in (",", "}", "]"):  # complete; null is the text null
            yield _joined(prefix, key), json.loads(token) if token[0] == '"' else token


def _joined(prefix: str, key: str) -> str:
    return f"{prefix}.{key}" if prefix and key else prefix or key


def of_pairs(text: str, *, is_escaped: bool = False) -> Row:
    """The fields of a line of ``key=value``; of a key that is there twice, the first.

    ``is_escaped``: a backslash before a quotation mark or another one protects it, and is no part of the value.
    """
    found: Row = {}
    for pair in (_ESCAPED_PAIR if is_escaped else _PAIR).finditer(text):
        value = pair[2] if pair[2] is not None else pair[3]
        if is_escaped and pair[2] is not None:
            value = re.sub(r'\\(["\\])', r"\1", value)
        if value:
            found.setdefault(pair[1], value)
    return found


def at_path(content: object, path: str) -> list[str]:
    """The values at a path such as ``laps{}.name``: texts as they are, lists and objects as JSON."""
    found = [content]
    for step in path.split("."):
        key = step.partition("{")[0]
        assert step in (key, f"{key}{{}}"), f"unknown in a path: {step}"
        found = [one[key] for one in found if isinstance(one, dict) and key in one]
        if step.endswith("{}"):
            found = [part for one in found if isinstance(one, list) for part in one]
    return [
        one if isinstance(one, str) else json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in found
    ]


def loaded(text: str) -> Any:
    """A JSON text, or None if it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None


@dataclass(frozen=True)
class FieldRules:
    """What props.conf says of the fields of a sourcetype."""

    is_json: bool = False
    #: Within quotation marks a backslash protects what follows.
    is_escaped: bool = False
    #: Pairs of a field and its other name.
    aliases: tuple[tuple[str, str], ...] = ()
    #: Expressions by field; each sees what is extracted and aliases, none another one.
    calculated: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, stanza: Mapping[str, str]) -> FieldRules:
        """Read a stanza."""
        pairs = [
            one.split(" AS ") for key, value in stanza.items() if key.startswith("FIELDALIAS-") for one in parts(value)
        ]
        return cls(
            stanza.get("KV_MODE") == "json",
            stanza.get("KV_MODE") == "auto_escaped",
            tuple((name.strip(), alias.strip()) for name, alias in pairs),
            {key[5:]: value for key, value in stanza.items() if key.startswith("EVAL-")},
        )

    def extracted(self, text: str) -> Row:
        """The fields of a text."""
        return of_json(text) if self.is_json else of_pairs(text, is_escaped=self.is_escaped)

    def add_aliases(self, fields: Row) -> None:
        """What FIELDALIAS adds."""
        for name, alias in self.aliases:
            if name in fields:
                fields[alias] = fields[name]

    def computed(self, fields: Row, wanted: Optional[set[str]]) -> Row:
        """What EVAL adds; only those wanted, or all."""
        chosen = self.calculated if wanted is None else wanted & self.calculated.keys()
        return {name: evaluate(self.calculated[name], fields) for name in chosen}
