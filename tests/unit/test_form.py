"""The pages' own limits and sentences, applied to what arrives through REST."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from strava_collector.form import faults, read_forms

FORMS = read_forms(json.loads((Path(__file__).parents[2] / "globalConfig.json").read_text("utf-8")))


def judge(form: str, *, creating: bool = False, **values: str) -> list[str]:
    return faults(FORMS[form], values, creating=creating)


def test_every_tab_and_every_kind_of_input_is_a_form() -> None:
    assert {"application", "account", "proxy", "advanced", "strava_webhook"} <= set(FORMS)
    assert {field.name for field in FORMS["account"]} >= {"application", "scope", "client_id", "endpoint"}


def test_all_faults_are_found_each_a_sentence() -> None:
    found = judge("advanced", settle_time="-1", concurrency="4", retry_base="0", fetch_updates="<b>", api_url="x")
    assert len(found) == 5
    assert all(fault[0].isupper() and fault.endswith(".") for fault in found)


@pytest.mark.parametrize("value", ["nan", "inf", "1e1", "1_0", "٣", "0x3", "3 3", "+3"])
def test_a_number_is_made_of_digits(value: str) -> None:
    assert judge("advanced", concurrency=value) != []


def test_what_is_not_sent_is_not_judged_and_what_is_empty_is_missing_only_if_required() -> None:
    assert judge("advanced") == []
    assert judge("advanced", own_day_limit="") == []
    assert judge("application", client_id="", creating=True) == ["Client ID is missing."]


def test_stars_stand_for_a_secret_that_exists() -> None:
    assert judge("application", client_secret="******") == []
    assert judge("application", client_secret="********", creating=True) == [
        "Client secret: enter the value itself instead of the stars."
    ]


@pytest.mark.parametrize("value", ["Strava", "_internal", "-x", "my.index", "kvstore", "a" * 256, "a b"])
def test_an_index_is_called_as_splunk_has_it(value: str) -> None:
    (fault,) = judge("account", index=value)
    assert fault.startswith("Index: an index has lower-case letters")
    assert judge("account", index="strava-2") == []


def test_a_list_has_nothing_but_its_values() -> None:
    assert judge("account", scope="read,activity:read") == []
    assert judge("account", scope="activity:write") != []


@pytest.mark.parametrize(
    ("entity", "sentence"),
    [
        ({"type": "helpLink"}, "Way: this is a link, not a field."),
        (
            {"type": "singleSelect", "options": {"autoCompleteFields": [{"value": "one"}, {"value": "two"}]}},
            "Way: choose “one” or “two”.",
        ),
        ({"type": "checkbox"}, "Way: this is either on (1) or off (0)."),
        ({"type": "text", "validators": [{"type": "regex", "pattern": "^a"}]}, "Way: this value is not possible."),
        (
            {"type": "text", "validators": [{"type": "string", "maxLength": 2, "errorMsg": "Two letters"}]},
            "Two letters.",
        ),
    ],
)
def test_each_kind_of_field_has_its_sentence(entity: dict[str, object], sentence: str) -> None:
    tab = {"name": "tab", "entity": [{"field": "way", "label": "Way", **entity}]}
    forms = read_forms({"pages": {"configuration": {"tabs": [tab]}, "inputs": {"services": []}}})
    assert faults(forms["tab"], {"way": "three"}, creating=False) == [sentence]
