"""What somebody may save as an input, of either kind, through the page, through REST or by hand.

Saving finds faults, each a sentence on one line without markup and without the verify token, and nothing else happens.
What has no fault and lacks nothing can be run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Optional

from strava_collector.activities_faults import activities_faults
from strava_collector.errors import ConfigurationError
from strava_collector.form import faults as form_faults
from strava_collector.form import read_forms
from strava_collector.input_faults import Surroundings, input_faults
from strava_collector.input_stanza import parse_activities_input, parse_webhook_input
from strava_collector.secret import Secret
from tests.fuzz.answers import NOW
from tests.fuzz.target import FOLDER, Target

_FORMS = read_forms(json.loads((FOLDER.parents[1] / "globalConfig.json").read_text("utf-8")))
_WEBHOOK, _ACTIVITIES = "strava_webhook", "strava_activities"

_AROUND = Surroundings(
    applications=("club", "other"),
    inputs={"taken": {"application": "other", "port": "8444", "disabled": "0"}},
    activities_inputs={"rides": {"application": "club"}},
    athletes={"ada": {"application": "club", "athlete_id": "7"}},
    indexes=("strava", "main"),
)


def _check(data: bytes) -> str:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return "no input"
    if not isinstance(told, dict) or not isinstance(told.get("params"), dict):
        return "no input"
    # splunkd passes on those fields only that the input has.
    params = {key: _text(value) for key, value in told["params"].items() if re.fullmatch("[a-z_]+", key)}
    name, kind = str(told.get("name")), told.get("kind")
    if kind not in (_WEBHOOK, _ACTIVITIES):
        return "no input"
    # Files of this host are none of the fuzzer's business: other tests go through them.
    for field in ("cert_file", "key_file"):
        if params.get(field):
            params[field] = "/nonexistent/" + str(params[field]).replace("/", "-").replace("\0", "-")
    in_form = form_faults(_FORMS[kind], params, creating=True)
    judge = _webhook if kind == _WEBHOOK else _activities
    found = [*in_form, *judge(name, params)]
    token = params.get("verify_token") or ""
    is_secret = _is_secret(name, params)
    for fault in found:
        assert fault.strip() == fault and fault.endswith("."), fault
        assert fault.isprintable(), fault
        assert "<" not in fault and ">" not in fault, fault
        assert not (is_secret and token in fault), "the token is told"
    return "faults" if found else "saved"


def _webhook(name: str, params: dict[str, Optional[str]]) -> list[str]:
    found = input_faults(name, params, _AROUND, now=NOW, try_port=lambda port, loopback=False: None)
    whole = all(params.get(field) for field in ("application", "index", "callback_url", "port", "verify_token"))
    stanza = {key: value for key, value in params.items() if value is not None}
    try:
        made = parse_webhook_input(name, stanza, Secret(params.get("verify_token") or ""))
    except ConfigurationError as error:
        assert found or not whole, f"saved without a fault, and then: {error}"
        return found
    assert 0 < made.port < 65536
    assert made.callback_path.startswith("/")
    assert made.verify_token.reveal() not in repr(made) or not _is_secret(name, params)
    return found


def _activities(name: str, params: dict[str, Optional[str]]) -> list[str]:
    found = activities_faults(name, params, _AROUND, now=NOW)
    whole = all((params.get(field) or "").strip() for field in ("application", "index"))
    stanza = {key: value for key, value in params.items() if value is not None}
    try:
        made = parse_activities_input(name, stanza)
    except ConfigurationError as error:
        assert found or not whole, f"saved without a fault, and then: {error}"
        return found
    assert 60 <= made.interval < made.look_back
    assert made.start_date is None or made.start_date >= 0
    return found


def _is_secret(name: str, params: Mapping[str, Optional[str]]) -> bool:
    """Whether the verify token stands nowhere else, where it may be shown."""
    token = params.get("verify_token") or ""
    others = [name, *(str(value) for field, value in params.items() if field != "verify_token")]
    return len(token) >= 16 and not any(token in other for other in others)


def _text(value: Any) -> Optional[str]:
    return value if value is None or isinstance(value, str) else json.dumps(value)


TARGET = Target(
    name="input_stanza",
    check=_check,
    ends=frozenset({"no input", "faults", "saved"}),
    words=(
        *(b"strava_webhook", b"strava_activities", b"application", b"index", b"callback_url", b"port", b"cert_file"),
        *(b"key_file", b"verify_token", b"in_front", b"local_proxy", b"router", b"proxy", b"nothing", b"interval"),
        *(
            b"look_back",
            b"order",
            b"newest",
            b"start_date",
            b"athletes",
            b"streams",
            b"drop_text",
            b"https://a.example/x",
        ),
        *(
            b"https://[::1]:8443/x",
            b"https://a:0/x",
            b"https://a/../x",
            b"https://a/health",
            b"8443",
            b"8444",
            b"******",
        ),
    ),
)
