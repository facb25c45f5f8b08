"""Garbage into every REST handler of the built add-on: a refusal in a sentence, or exactly what was sent is stored.

Nothing else may happen: no other setting changes, no secret, no row.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_plus, urlencode, urlsplit

import pytest

from sandbox.sandbox import SCOPE, Sandbox
from sandbox.splunkd.server import call
from sandbox.strava import Application
from strava_collector.form import read_forms
from tests.support.page_texts import shown
from tests.support.splunk_state import changes, settings, written_files

ROOT = Path(__file__).resolve().parents[2]
FORMS = read_forms(json.loads((ROOT / "globalConfig.json").read_text("utf-8")))


APPLICATION = "TA_strava_webhook_application"
ACCOUNT = "TA_strava_webhook_account"
INPUT = "TA_strava_webhook_strava_webhook"
SETTINGS = "TA_strava_webhook_settings"
OAUTH = "TA_strava_webhook_oauth"

#: Values that nobody meant, already encoded for a form.
GARBAGE = {
    "empty": "",
    "blank": quote("   "),
    "very long": "x" * 100_000,
    "unicode": quote("ü🚲漢字"),
    "right to left": quote("a\u202eb"),
    "no UTF-8": "%ED%B3%BF%FF",
    "NUL": quote("a\x00b"),
    "controls": quote("\x07\x1b[31m"),
    "tab": quote("a\tb"),
    "a stanza": quote("a\n[evil]\nkey = value"),
    "a stanza with CRLF": quote("a\r\n[evil]\r\nkey = value\r\n"),
    "a line separator": quote("a\u2028[evil]\u2028key = value"),
    "a continued line": quote("a\\"),
    "quotes": quote("\"'`"),
    "angle brackets": quote("<script>alert(1)</script>"),
    "placeholders": quote("{{7*7}}${HOME}%(x)s"),
    "a path": quote("../../etc/passwd"),
    "percent signs": quote("%0a%2e%2e%2f%00"),
    "brackets": quote("[default]"),
    "two dots": "..",
    "negative": "-1",
    "a huge number": "9" * 400,
    "infinity": "1e309",
    "NaN": "NaN",
    "other digits": quote("٣٣"),
    "underscored digits": "1_0",
    "a boolean": "true",
    "JSON": quote('{"a": [1, null]}'),
    "stars": quote("********"),
    "a searched word": "kvstore",
}

#: Fewer of them, for the fields beside those that take nearly anything.
TELLING = (
    "empty",
    "a stanza",
    "a huge number",
    "angle brackets",
    "other digits",
    "very long",
    "unicode",
    "NUL",
    "a continued line",
    "placeholders",
    "stars",
)

#: Fields that get all of it: the freest ones.
FREEST = ("redirect_url", "ca_file", "callback_url")

#: Numbers, judged as `settle_time` or `concurrency` is: these get a few.
NUMBERS = (
    "cooldown",
    "own_quarter_limit",
    "own_day_limit",
    "history_share",
    "retry_base",
    "retention_days",
    "most_waiting",
    "least_disk_mb",
)

#: Names that are not to become rows, nor addresses of anything else.
NAMES = {
    **{kind: value for kind, value in GARBAGE.items() if kind not in ("empty", "a boolean", "a searched word", "NaN")},
    "a dot": ".",
    "encoded dots": quote("%2e%2e"),
    "a slash": quote("a/b"),
    "an encoded slash": quote("a%2Fb"),
    "the parent's row": quote("../conf-inputs/default"),
    "default": "default",
    "an underscore": "_x",
    "a colon": quote("strava_webhook://home"),
    "a query": quote("home?x=1"),
    "a fragment": quote("home#x"),
}

#: Those that make an odd address.
ADDRESSES = (
    "a stanza",
    "a path",
    "two dots",
    "a dot",
    "encoded dots",
    "percent signs",
    "an encoded slash",
    "a query",
    "the parent's row",
    "default",
    "angle brackets",
)

#: What splunkd says before the add-on is asked; not ours to change.
OF_SPLUNKD = re.compile(
    r'Argument ".*" is not supported by this handler\.|'
    r"The following required arguments are missing: .*\.|"
    r"The action \w+ is not allowed for \w+\.|"
    r"Could not find object id=.*|Method Not Allowed|Not Found",
    re.DOTALL,
)

#: What a person cannot make sense of.
NO_WORDS = re.compile(
    r"Traceback|Unexpected error|<class|Exception|Error\b|\w+Error|REST|pattern|None\b|"
    r"\^\[|\\d|\$\"|\(\?|\{\d+,|splunkd\.log"
)


def is_sentence(text: str) -> bool:
    """One or more sentences on one line, short enough to be read, without the words of a programmer."""
    return bool(
        re.match(r"[A-Z“]", text)
        and text.endswith(".")
        and text.isprintable()
        and len(text) < 2_500
        and not NO_WORDS.search(text)
    )


@dataclass
class Form:
    """A handler's form with values that are right, so that one at a time can be wrong."""

    endpoint: str
    #: The row or tab that exists; empty for one without.
    row: str
    fields: dict[str, str]
    #: What a row has beside what was sent, set by the add-on itself.
    own: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    #: Further fields that a browser may send and the add-on does without.
    ignored: tuple[str, ...] = ()
    conf: str = ""
    stanza: str = field(default="")


@pytest.fixture(scope="module")
def sandbox(built_app: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(app=built_app, folder=tmp_path_factory.mktemp("sandbox"), python=Path(sys.executable)) as running:
        yield running


@pytest.fixture(scope="module")
def applications(sandbox: Sandbox) -> dict[str, Application]:
    """`mine` is entered; `spare` only registered at Strava."""
    return {"mine": sandbox.add_application("mine"), "spare": sandbox.strava.add_application("spare")}


@pytest.fixture(scope="module")
def forms(sandbox: Sandbox, applications: Mapping[str, Application]) -> dict[str, Form]:
    mine = applications["mine"]
    sandbox.connect(sandbox.strava.add_athlete("Ada", "Berg"), "ada", mine)
    made = sandbox.add_input("home", mine)
    sandbox.post(f"{INPUT}/home", disabled="1")
    oauth_host = urlsplit(sandbox.strava.oauth_url).netloc
    of_input = {
        "application": "mine",
        "index": "strava",
        "interval": "10",
        "port": str(made.port),
        "verify_token": made.verify_token,
        "callback_url": made.callback_url,
        "cert_file": str(made.certificate.cert_file),
        "key_file": str(made.certificate.key_file),
        "in_front": "nothing",
    }
    advanced = {
        "settle_time": "2",
        "fetch_updates": "1",
        "concurrency": "3",
        "cooldown": "15",
        "own_quarter_limit": "100",
        "own_day_limit": "1000",
        "history_share": "60",
        "retry_base": "30",
        "retention_days": "7",
        "most_waiting": "1000000",
        "least_disk_mb": "500",
        "api_url": sandbox.strava.api_url,
        "oauth_url": sandbox.strava.oauth_url,
        "ca_file": str(sandbox.certificates.ca_file),
    }
    proxy = {
        "proxy_enabled": "0",
        "proxy_type": "http",
        "proxy_url": "proxy.example.org",
        "proxy_port": "3128",
        "proxy_username": "u",
        "proxy_password": "marked-proxy-password",
    }
    conf = "ta_strava_webhook"
    made_forms = {
        "application": Form(
            APPLICATION,
            "mine",
            {"client_id": str(mine.client_id), "client_secret": mine.client_secret},
            own=("state", "state_reason"),
            secrets=("client_secret",),
            conf=f"{conf}_application.conf",
        ),
        "account": Form(
            ACCOUNT,
            "ada",
            {
                "application": "mine",
                "index": "strava",
                "scope": SCOPE,
                "client_id": str(mine.client_id),
                "endpoint": oauth_host,
                "redirect_url": "https://localhost:8000/",
                "access_token": "",
            },
            ignored=("access_token", "refresh_token", "instance_url"),
            conf=f"{conf}_account.conf",
        ),
        "proxy": Form(SETTINGS, "proxy", proxy, secrets=("proxy_password",), conf=f"{conf}_settings.conf"),
        "logging": Form(SETTINGS, "logging", {"loglevel": "INFO"}, conf=f"{conf}_settings.conf"),
        "advanced": Form(SETTINGS, "advanced", advanced, conf=f"{conf}_settings.conf"),
        "input": Form(
            INPUT,
            "home",
            of_input,
            secrets=("verify_token",),
            conf="inputs.conf",
            stanza="strava_webhook://home",
        ),
        "oauth": Form(OAUTH, "oauth", {"client_id": str(mine.client_id), "code": "code=x&scope=read"}),
    }
    for form in made_forms.values():
        if form.endpoint != OAUTH:
            status, answer = send(sandbox, "POST", [form.endpoint, form.row], urlencode(form.fields))
            assert status == 200, (form.row, shown(answer))
    return made_forms


def send(sandbox: Sandbox, method: str, path: list[str], body: str) -> tuple[int, dict[str, Any]]:
    """A request with the body, and the last part of the path, as they are."""
    splunkd = sandbox.splunkd
    address = "/".join((f"/servicesNS/nobody/{splunkd.app}", *path)) + "?output_mode=json"
    status, content = call(
        splunkd.uri, splunkd._client_context, method, address, body if method == "POST" else None, splunkd.session_key
    )
    answer = json.loads(content)
    assert isinstance(answer, dict)
    return status, answer


def form_with(form: Form, name: str, encoded: str, **more: str) -> str:
    others = {key: value for key, value in {**form.fields, **more}.items() if key != name}
    return "&".join((urlencode(others), f"{name}={encoded}"))


def check_refusal(status: int, answer: Mapping[str, Any], note: str) -> None:
    """What the page shows is a sentence, or one of splunkd's own texts."""
    said = shown(answer)
    assert status in (400, 404, 405, 409, 500), (note, status, said)
    assert OF_SPLUNKD.fullmatch(said) or is_sentence(said), f"{note}: {said[:400]!r}"


#: Every field of the pages, and what the browser sends besides.
FIELDS = [
    *(
        (kind, field.name)
        for kind, form in {
            **{tab: tab for tab in ("application", "account", "proxy", "advanced")},
            "input": "strava_webhook",
        }.items()
        for field in FORMS[form]
        if field.name != "name"
    ),
    ("logging", "loglevel"),
    ("account", "access_token"),
    ("input", "disabled"),
]


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_a_field_of_a_row_takes_what_it_should_and_nothing_else(
    sandbox: Sandbox, forms: Mapping[str, Form], kind: str, name: str
) -> None:
    form = forms[kind]
    stanza = form.stanza or form.row
    first = settings(sandbox.splunkd)
    for note, encoded in GARBAGE.items():
        if note not in TELLING[: 5 if name in NUMBERS else None] and name not in FREEST:
            continue
        files, before = written_files(sandbox.splunkd), settings(sandbox.splunkd)
        status, answer = send(sandbox, "POST", [form.endpoint, form.row], form_with(form, name, encoded))
        if status != 200:
            check_refusal(status, answer, note)
            assert written_files(sandbox.splunkd) == files, note
            continue
        changed = changes(before, settings(sandbox.splunkd))
        value = unquote_plus(encoded, "utf-8", "replace").strip()
        for key in list(changed):
            if key[:2] == (form.conf, stanza) and key[2] in form.own:
                del changed[key]
        if name in form.secrets:
            masked = changed.pop((form.conf, stanza, name), "******")
            assert masked in ("******", ""), note
            assert {key[0] for key in changed} <= {"passwords.conf"}, note
            assert all(found == "<gone>" or json.dumps({name: value}) == found for found in changed.values()), note
        elif name not in form.ignored:
            assert changed in ({}, {(form.conf, stanza, name): value}), note
            assert changed or before.get((form.conf, stanza, name), "") == value, note
        else:
            assert changed == {}, note
    assert send(sandbox, "POST", [form.endpoint, form.row], urlencode(form.fields))[0] == 200
    restored = changes(first, settings(sandbox.splunkd))
    assert {key: text for key, text in restored.items() if text} == {}


@pytest.mark.parametrize("kind", ["application", "account", "input"])
def test_a_new_row_is_called_what_a_row_may_be_called(
    sandbox: Sandbox, forms: Mapping[str, Form], applications: Mapping[str, Application], kind: str
) -> None:
    form = forms[kind]
    spare = applications["spare"]
    more = {"client_id": str(spare.client_id), "client_secret": spare.client_secret} if kind == "application" else {}
    files = written_files(sandbox.splunkd)
    for note, encoded in {**NAMES, "nothing": "", "taken": form.row}.items():
        status, answer = send(sandbox, "POST", [form.endpoint], form_with(form, "name", encoded, **more))
        check_refusal(status, answer, note)
        assert written_files(sandbox.splunkd) == files, note


@pytest.mark.parametrize("kind", ["application", "account", "input", "advanced"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_address_that_is_no_row_leads_nowhere(
    sandbox: Sandbox, forms: Mapping[str, Form], kind: str, method: str
) -> None:
    form = forms[kind]
    files = written_files(sandbox.splunkd)
    for note in ADDRESSES:
        for path in {NAMES[note], quote(NAMES[note], safe="")}:
            status, answer = send(sandbox, method, [form.endpoint, path], urlencode(form.fields))
            check_refusal(status, answer, f"{note}: {path}")
            assert written_files(sandbox.splunkd) == files, note


@pytest.mark.parametrize("kind", ["application", "account", "proxy", "logging", "advanced", "input", "oauth"])
def test_arguments_that_nobody_asked_for_are_refused(sandbox: Sandbox, forms: Mapping[str, Form], kind: str) -> None:
    form = forms[kind]
    files = written_files(sandbox.splunkd)
    right = urlencode(form.fields)
    for note, body in {
        "unknown": f"{right}&evil=1",
        "own fields": f"{right}&state=verified&athlete_id=1",
        "secrets in clear": f"{right}&--cred--=1",
        "a name like a setting": f"{right}&{quote('x]' + chr(10) + '[evil')}=1",
        "eai": f"{right}&eai%3Aacl=1",
    }.items():
        for path in ([form.endpoint, form.row], [form.endpoint]):
            status, answer = send(sandbox, "POST", path, f"{body}&name=another" if len(path) == 1 else body)
            check_refusal(status, answer, note)
            assert written_files(sandbox.splunkd) == files, note
    status, answer = sandbox.splunkd.request("GET", sandbox.splunkd.path(form.endpoint, form.row), {"--cred--": "1"})
    check_refusal(status, answer, "secrets in clear")


@pytest.mark.parametrize("kind", ["application", "account", "proxy", "logging", "advanced", "input"])
def test_a_field_that_is_sent_twice_is_refused(sandbox: Sandbox, forms: Mapping[str, Form], kind: str) -> None:
    form = forms[kind]
    files = written_files(sandbox.splunkd)
    for name, value in form.fields.items():
        body = f"{urlencode(form.fields)}&{name}={quote(value)}x"
        _, answer = send(sandbox, "POST", [form.endpoint, form.row], body)
        assert shown(answer) == f"Each field can be sent once; sent more than once: {name}."
        assert written_files(sandbox.splunkd) == files, name


@pytest.mark.parametrize("kind", ["application", "account", "input"])
def test_a_new_row_without_a_field_is_refused(
    sandbox: Sandbox, forms: Mapping[str, Form], applications: Mapping[str, Application], kind: str
) -> None:
    form = forms[kind]
    files = written_files(sandbox.splunkd)
    required = {one.name for one in FORMS["strava_webhook" if kind == "input" else kind] if one.required}
    for name in required:
        body = urlencode({key: value for key, value in {**form.fields, "name": "another"}.items() if key != name})
        status, answer = send(sandbox, "POST", [form.endpoint], body)
        check_refusal(status, answer, name)
        assert written_files(sandbox.splunkd) == files, name
    for note, body in {
        "nothing": "",
        "JSON": json.dumps({**form.fields, "name": "another"}),
        "a list": "name[]=another&name[0]=x",
        "no form": "&&&===%%%",
    }.items():
        status, answer = send(sandbox, "POST", [form.endpoint], body)
        check_refusal(status, answer, note)
        assert written_files(sandbox.splunkd) == files, note


@pytest.mark.parametrize("name", ["client_id", "code", "url", "scope", "redirect_uri", "grant_type", "client_secret"])
def test_what_comes_back_from_the_consent_page_can_be_anything(
    sandbox: Sandbox, forms: Mapping[str, Form], name: str
) -> None:
    form = forms["oauth"]
    files = written_files(sandbox.splunkd)
    for note, encoded in {
        **GARBAGE,
        "a forged scope": quote("code=x&scope=read,activity:read_all\n[evil]"),
        "an error with a tag": quote("error=<b>no</b>"),
        "many fields": quote("&".join(f"f{number}=1" for number in range(50))),
    }.items():
        status, answer = send(sandbox, "POST", [form.endpoint, form.row], form_with(form, name, encoded))
        assert status == 200, note
        said = answer["entry"][0]["content"]
        assert "access_token" not in said, note
        assert is_sentence(said["error"]), f"{note}: {said['error'][:400]!r}"
        assert written_files(sandbox.splunkd) == files, note


def test_all_that_left_no_trace_in_the_logs(sandbox: Sandbox, applications: Mapping[str, Application]) -> None:
    """Last in this file: what came before has been refused, and quoted nowhere."""
    logged = "\n".join(sandbox.splunkd.log_lines())
    for secret in ("marked-proxy-password", *(one.client_secret for one in applications.values())):
        assert secret not in logged
    assert "action=request_failed" not in logged, "something failed that nobody expected"
