"""The package's conf files, and its macros."""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from pathlib import Path

from sandbox.spl.expression import evaluate
from sandbox.spl.text import parts, yes

DEFAULT = Path(__file__).resolve().parents[2] / "package" / "default"


def stanzas(name: str) -> dict[str, dict[str, str]]:
    """A conf file of the package, with continued lines joined."""
    text = re.sub(r"\\\n", "\n ", (DEFAULT / name).read_text("utf-8"))
    parser = configparser.RawConfigParser(delimiters=("=",), strict=True, empty_lines_in_values=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return {section: dict(parser[section]) for section in parser.sections()}


def expand(search: str, macros: Mapping[str, Mapping[str, str]]) -> str:
    """Replace macros, those inside of macros too; refuse one that is not there or that refuses its arguments.

    What a macro stands for is text: it may begin with a bar, or be half a command. Splunk looks for the signs around it
    in quotation marks as well. With ``iseval`` the definition, its arguments put in, is an expression of ``eval``, and
    its value is that text (macros.conf.spec).
    """

    def definition(call: re.Match[str]) -> str:
        name, _, rest = call[1].strip().partition("(")
        assert not rest or rest.endswith(")"), f"a bracket is missing in `{call[1]}`"
        given = [one.strip().strip('"') for one in parts(rest[:-1])] if rest else []
        macro = macros.get(f"{name}({len(given)})" if given else name)
        assert macro is not None, f"there is no macro {name} with {len(given)} arguments"
        arguments = dict(zip([one.strip() for one in macro.get("args", "").split(",")], given))
        if "validation" in macro:
            assert evaluate(macro["validation"], dict(arguments)) is True, macro["errormsg"]
        text = macro["definition"]
        for argument, value in arguments.items():
            text = text.replace(f"${argument}$", value)
        if yes(macro.get("iseval", "0")):
            text = evaluate(text, {})
            assert isinstance(text, str), f"{name} is an expression whose value is no text"
        return expand(text, macros)

    assert search.count("`") % 2 == 0, "half a macro"
    return re.sub(r"`([^`]+)`", definition, search)
