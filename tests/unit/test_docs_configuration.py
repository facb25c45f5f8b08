"""``docs/configuration.md`` has the fields that the pages have, with their defaults and limits, and no others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Optional

import pytest

from strava_collector import configuration, input_stanza

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "configuration.md").read_text("utf-8")
GLOBAL = json.loads((ROOT / "globalConfig.json").read_text("utf-8"))
INPUT_HOOK = (ROOT / "package/appserver/static/js/build/custom/input_hook.js").read_text("utf-8")

HEADER = ("Field", "In the file", "Default", "Limits", "What it does, and when to change it")

#: The inputs' fields have no validators in globalConfig.json: all their faults are found together, by the collector.
INPUT_LIMITS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "strava_webhook": {"port": configuration.PORT, "interval": input_stanza.RESTART_PAUSE},
    "strava_activities": {"interval": input_stanza.INTERVAL, "look_back": input_stanza.LOOK_BACK_DAYS},
}

#: What the page of inputs offers instead of a default, by the constant of its hook that says how many bytes are random.
OFFERED: Mapping[str, str] = {"callback_url": "PATH_BYTES", "verify_token": "TOKEN_BYTES"}


@dataclass(frozen=True)
class Field:
    """One field as a person sees it."""

    label: str
    #: Its name in the ``.conf`` file.
    key: str
    #: As the page writes it.
    default: str
    #: Numbers that the limits must name.
    numbers: tuple[float, ...] = ()
    #: Words that the limits must name.
    words: tuple[str, ...] = ()


def fields(
    entities: list[dict[str, Any]], limits: Mapping[str, tuple[float, float]] = MappingProxyType({})
) -> Iterator[Field]:
    """The fields of a tab or an input; those inside of UCC's OAuth field count, hidden ones and mere texts do not."""
    for entity in entities:
        options = entity.get("options", {})
        if entity["type"] == "oauth":
            yield from fields(options["oauth"])
        elif entity["type"] != "helpLink" and options.get("display", True):
            choices = tuple(choice["label"] for choice in options.get("autoCompleteFields", ()))
            yield Field(
                entity["label"],
                "the stanza" if entity["field"] == "name" else entity["field"],
                _default(entity),
                (*_numbers(entity), *limits.get(entity["field"], ())),
                choices,
            )


def _default(entity: Mapping[str, Any]) -> str:
    default = entity.get("defaultValue", "")
    if entity["type"] == "checkbox":
        return "on" if default else "off"
    for choice in entity.get("options", {}).get("autoCompleteFields", ()):
        if choice["value"] == default:
            return str(choice["label"])
    if entity["field"] in OFFERED:
        (size,) = re.findall(rf"const {OFFERED[entity['field']]} = (\d+);", INPUT_HOOK)
        return f"offered, with {8 * int(size)} random bits"
    if default in ("", None):
        return "required" if entity.get("required") else "empty"
    return f"`{default}`" if str(default).startswith("https:") else str(default)


def _numbers(entity: Mapping[str, Any]) -> Iterator[float]:
    for validator in entity.get("validators", ()):
        if validator["type"] == "number":
            yield from validator["range"]
        elif validator["type"] == "string":
            yield validator["maxLength"]


def sections() -> dict[str, list[Field]]:
    """By the page's heading, what globalConfig.json has."""
    found: dict[str, list[Field]] = {}
    for tab in GLOBAL["pages"]["configuration"]["tabs"]:
        heading = f"Configuration → {tab['title']}"
        if tab.get("type") == "loggingTab":
            # UCC makes the field of it; these are its words where the tab has none of its own.
            field = tab.get("field", "loglevel")
            label = tab.get("label", "Log level")
            found[heading] = [Field(label, field, tab.get("defaultLevel", "INFO"), (), tuple(tab["levels"]))]
        elif "customTab" not in tab:  # which has no fields
            found[heading] = list(fields(tab["entity"]))
    for service in GLOBAL["pages"]["inputs"]["services"]:
        found[f"Inputs → {service['title']}"] = list(fields(service["entity"], INPUT_LIMITS[service["name"]]))
    return found


SECTIONS = sections()


def rows(heading: str) -> list[tuple[str, ...]]:
    """The rows of the first table below a heading."""
    (section,) = [part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE) if part.startswith(f"{heading}\n")]
    lines = re.findall(r"(?:^\|.*\n)+", section, flags=re.MULTILINE)[0].splitlines()
    header, _, *cells = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    assert header == HEADER
    assert all(len(row) == len(HEADER) for row in cells), heading
    return cells


def numbers(cell: str) -> list[float]:
    """``1 to 65,535`` → 1, 65535."""
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?:\.\d+)?", cell)]


def test_every_tab_and_every_input_has_its_section_and_nothing_else_has_one() -> None:
    headings = re.findall(r"^## ((?:Configuration|Inputs) → .*)$", PAGE, flags=re.MULTILINE)
    assert headings == list(SECTIONS)


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_field_has_its_row_in_the_pages_order(heading: str) -> None:
    assert [row[0] for row in rows(heading)] == [field.label for field in SECTIONS[heading]]


@pytest.mark.parametrize(
    ("heading", "field"),
    [(heading, field) for heading, found in SECTIONS.items() for field in found],
    ids=lambda value: value.key if isinstance(value, Field) else str(value).split(" → ")[1],
)
def test_name_default_and_limits_of_a_field_are_true(heading: str, field: Field) -> None:
    row = _row(heading, field.label)
    assert row is not None
    _, key, default, limits, about = row
    assert key == (field.key if field.key == "the stanza" else f"`{field.key}`")
    assert default == field.default
    assert set(field.numbers) <= set(numbers(limits))
    assert [word for word in field.words if word not in limits] == []
    assert about


def _row(heading: str, label: str) -> Optional[tuple[str, ...]]:
    return next((row for row in rows(heading) if row[0] == label), None)
