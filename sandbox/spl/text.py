"""Taking a search apart: bars, commas, options, names."""

from __future__ import annotations

import re
from collections.abc import Iterator

_OPTION = re.compile(r'\s*(\w+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,]+)\s*')


def _signs(search: str) -> Iterator[tuple[int, str]]:
    """Bars, commas and brackets that are in no quotation marks, each with its place."""
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[][(),|"]', search, flags=re.DOTALL):
        assert match[0] != '"', f"a quotation mark too few in: {search[:80]}"
        if len(match[0]) == 1:
            yield match.start(), match[0]


def _split(search: str, sign: str, brackets: str) -> list[str]:
    cuts, depth = [], 0
    for i, one in _signs(search):
        if one in brackets:
            depth += 1 if one == brackets[0] else -1
            assert depth >= 0, f"a bracket too many in: {search[:80]}"
        elif one == sign and depth == 0:
            cuts.append(i)
    assert depth == 0, f"a bracket too few in: {search[:80]}"
    return [search[begin + 1 : end] for begin, end in zip([-1, *cuts], [*cuts, len(search)])]


def pipeline(search: str) -> list[str]:
    """The commands, split at the bars that are in no quotation marks and no subsearch; the first one of
    ``| makeresults`` is empty."""
    return [part.strip() for part in _split(search, "|", "[]")]


def parts(text: str) -> list[str]:
    """What stands between commas."""
    return _split(text, ",", "()")


def assignments(text: str) -> list[tuple[str, str]]:
    """The fields that an ``eval`` sets, each with its expression, in their order."""
    found = []
    for part in parts(text):
        name, equals, expression = part.partition("=")
        assert equals, f"no assignment: {part}"
        found.append((name.strip().strip("'\""), expression))
    return found


def subsearches(search: str) -> Iterator[tuple[int, int]]:
    """Where subsearches begin and end, the brackets included."""
    depth, begin = 0, 0
    for i, one in _signs(search):
        if one == "[":
            begin = begin if depth else i
            depth += 1
        elif one == "]":
            depth -= 1
            if depth == 0:
                yield begin, i + 1


def options(text: str, known: str) -> tuple[dict[str, str], str]:
    """The ``name=value`` at the beginning of a command's arguments, and the rest; refuses others than those known."""
    found: dict[str, str] = {}
    while (match := _OPTION.match(text)) is not None:
        assert match[1] in known.split(), f"unknown option {match[1]}"
        found[match[1]] = unquoted(match[2])
        text = text[match.end() :]
    return found, text.strip()


def unquoted(name: str) -> str:
    """A name or a value without the quotation marks around it."""
    name = name.strip()
    return name[1:-1].replace('\\"', '"') if len(name) > 1 and name[0] == name[-1] and name[0] in "\"'" else name


def names(text: str) -> list[str]:
    """A list of fields, with commas or blanks between them."""
    return [unquoted(one) for one in re.findall(r"\"[^\"]*\"|'[^']*'|[^\s,]+", text)]


def yes(value: str) -> bool:
    """A Boolean option."""
    assert value.lower() in ("t", "true", "1", "f", "false", "0"), value
    return value.lower() in ("t", "true", "1")
