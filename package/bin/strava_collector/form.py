"""What the pages say about their fields, applied to what arrives through REST.

The pages' definition (``globalConfig.json``) has the limits of each field and a sentence for a value outside of them.
UCC's REST handlers know the limits but not the sentences, and stop at the first fault; here all faults are found, in
the words of the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Optional

#: UCC shows stars for a secret that stays as it is; older versions showed more of them.
UNCHANGED = ("******", "********")

_WHOLE = re.compile(r"-?[0-9]{1,15}\Z")
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?\Z")
_SWITCH = re.compile(r"([01tfyn]|true|false|yes|no)\Z", re.IGNORECASE)
#: What Splunk takes for the name of an index that is not its own.
_INDEX = re.compile(r"(?!.*kvstore)[a-z0-9][a-z0-9_-]{0,254}\Z")


@dataclass(frozen=True)
class Field:
    """One field of a form."""

    name: str
    #: As the page shows it.
    label: str
    #: UCC's word for the kind of control: ``text``, ``singleSelect``, ``checkbox`` …
    kind: str
    required: bool
    encrypted: bool
    #: The values to choose from; None if any is possible.
    choices: Optional[tuple[str, ...]]
    validators: tuple[Mapping[str, Any], ...]

    @property
    def is_index(self) -> bool:
        """Whether it names an index; ucc-gen makes a list with a validator of the control ``index``."""
        return self.kind == "index" or any(validator.get("type") == "index_name" for validator in self.validators)

    def fault(self, value: str) -> Optional[str]:
        """Return what is wrong with a value that is not empty, as a sentence; None if nothing is."""
        if self.kind == "helpLink":  # UCC's handlers would store what somebody sends for a link
            return f"{self.label}: this is a link, not a field."
        if self.choices is not None and value not in self.choices:
            return f"{self.label}: choose {' or '.join(f'“{choice}”' for choice in self.choices)}."
        if self.kind == "checkbox" and not _SWITCH.match(value):
            return f"{self.label}: this is either on (1) or off (0)."
        if self.is_index and not _INDEX.match(value):
            return (
                f"{self.label}: an index has lower-case letters, digits, underscores and hyphens only, begins with a "
                "letter or a digit, and has not the word kvstore in it."
            )
        for validator in self.validators:
            if not _passes(validator, value):
                said = str(validator.get("errorMsg") or f"{self.label}: this value is not possible")
                return said if said.endswith(".") else f"{said}."
        return None


def read_forms(definition: Mapping[str, Any]) -> dict[str, tuple[Field, ...]]:
    """Return the fields of each tab of *Configuration* and each kind of input, by its name."""
    pages = definition["pages"]
    forms = [*pages["configuration"]["tabs"], *pages["inputs"]["services"]]
    return {form["name"]: tuple(_fields(form.get("entity", ()))) for form in forms}


def faults(fields: tuple[Field, ...], values: Mapping[str, Any], *, creating: bool) -> list[str]:
    """Return all faults of the values, a sentence each.

    What is not there at all is not judged: splunkd demands what is needed, and an edit may leave out what stays.
    """
    found = []
    for field in fields:
        value = values.get(field.name)
        if not isinstance(value, str):
            continue
        if field.encrypted and value in UNCHANGED:
            # There is nothing yet that could stay as it is.
            fault = f"{field.label}: enter the value itself instead of the stars." if creating else None
        elif value:
            fault = field.fault(value)
        else:
            fault = f"{field.label} is missing." if field.required else None
        if fault:
            found.append(fault)
    return found


def _fields(entities: Any) -> Iterator[Field]:
    for entity in entities:
        options = entity.get("options") or {}
        if entity.get("type") == "oauth":
            # UCC flattens the fields of each way to log in into the form.
            for kind in options.get("auth_type", ()):
                yield from _fields(options.get(kind, ()))
            continue
        choices = options.get("autoCompleteFields")
        if options.get("createSearchChoice") or not isinstance(choices, list):
            choices = None
        yield Field(
            name=str(entity["field"]),
            label=str(entity.get("label", entity["field"])),
            kind=str(entity.get("type")),
            required=bool(entity.get("required")),
            encrypted=bool(entity.get("encrypted")),
            choices=None if choices is None else tuple(str(choice.get("value")) for choice in choices),
            validators=tuple(entity.get("validators") or ()),
        )


def _passes(validator: Mapping[str, Any], value: str) -> bool:
    kind = validator.get("type")
    if kind == "regex":
        return re.search(validator["pattern"], value, re.ASCII) is not None
    if kind == "string":
        return int(validator.get("minLength", 0)) <= len(value) <= int(validator.get("maxLength", len(value)))
    if kind == "number":
        if not (_WHOLE if validator.get("isInteger") else _NUMBER).match(value):
            return False
        low, high = validator.get("range", (float("-inf"), float("inf")))
        return bool(low <= float(value) <= high)
    return True
