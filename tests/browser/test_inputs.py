"""The page *Inputs* in a browser: what is offered, what is refused and how, and what a running input lives through."""

from __future__ import annotations

import ctypes
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from sandbox.certificates import ServerCertificate
from sandbox.sandbox import PATIENCE, Input, Sandbox, free_port
from tests.browser.conftest import Complaints, MakeSandbox
from tests.browser.pages import Dialog, InputsPage
from tests.support.waiting import until

FIELDS = (
    "name",
    "application",
    "index",
    "streams",
    "callback_url",
    "port",
    "cert_file",
    "key_file",
    "verify_token",
    "manage_subscription",
    "replace_subscription",
    "remove_subscription",
    "drop_location",
    "drop_text",
    "drop_health",
    "in_front",
    "interval",
)

#: Refusals come with this status, which the browser logs.
REFUSED = "status of 500"


class Typist:
    """Somebody who fills in the form; each field is typed or chosen as the page wants it."""

    def __init__(self, sandbox: Sandbox, page: Page) -> None:
        self.sandbox = sandbox
        self.inputs = InputsPage(page, sandbox.web)
        self.form: Dialog

    def open(self, **values: str) -> Dialog:
        """The form of a new input, with these values."""
        self.form = self.inputs.create()
        advanced(self.form)
        self.enter(**values)
        return self.form

    def enter(self, **values: str) -> None:
        for field, value in values.items():
            if field in ("application", "in_front"):
                self.form.choose(field, value)
            elif field == "index":
                self.form.type_choice(field, value)
            else:
                self.form.fill(field, value)


def advanced(form: Dialog) -> None:
    """Open the group of what few need."""
    form.root.get_by_role("button", name="Advanced").click()
    expect(form.field("interval")).to_be_visible()


def good(sandbox: Sandbox, application: str, **changes: str) -> dict[str, str]:
    """What has no fault."""
    files = sandbox.certificates.issue(f"files-of-{application}")
    port = free_port()
    return {
        "name": "listener",
        "application": application,
        "callback_url": f"https://localhost:{port}/strava/4f1c9e",
        "port": str(port),
        "cert_file": str(files.cert_file),
        "key_file": str(files.key_file),
        **changes,
    }


@contextmanager
def another_program() -> Iterator[int]:
    """A port that is taken."""
    with closing(socket.socket(socket.AF_INET6 if socket.has_ipv6 else socket.AF_INET)) as program:
        program.bind(("", 0))
        program.listen()
        yield program.getsockname()[1]


def test_a_new_input_is_offered_a_callback_url_and_a_token_that_can_be_read(sandbox: Sandbox, page: Page) -> None:
    sandbox.add_application("Club")
    inputs = InputsPage(page, sandbox.web)
    seen = []
    for _ in range(2):
        form = inputs.create()
        expect(form.field("callback_url").get_by_role("textbox")).to_have_value(
            re.compile(r"^https://localhost:8443/strava/[0-9a-f]{32}$")
        )
        token = form.field("verify_token").locator("input")
        expect(token).to_have_value(re.compile(r"^[0-9a-f]{48}$"))
        expect(token).to_have_attribute("type", "password")
        seen += [form.value("callback_url"), token.input_value()]
        form.cancel()
    assert len(set(seen)) == 4
    form = inputs.create()
    token = form.field("verify_token").locator("input")
    expect(token).to_have_value(re.compile(r"^[0-9a-f]{48}$"))
    form.field("verify_token").get_by_role("button").click()
    expect(token).to_have_attribute("type", "text")


def test_what_few_need_is_folded_away_and_the_offered_url_follows_the_port(sandbox: Sandbox, page: Page) -> None:
    typist = Typist(sandbox, page)
    form = typist.inputs.create()
    expect(form.root.get_by_text("Where Strava calls")).to_be_visible()
    for field in FIELDS[:12]:
        expect(form.field(field)).to_be_visible()
    for field in FIELDS[12:]:
        expect(form.field(field)).to_have_count(0)
    form.cancel()
    form = typist.open()
    form.expect_value("in_front", "Nothing: Strava reaches it directly")
    form.expect_value("interval", "60")
    form.expect_value("index", "strava")
    form.expect_value("port", "8443")
    url = form.field("callback_url").get_by_role("textbox")
    form.fill("port", "9443")
    expect(url).to_have_value(re.compile(r"^https://localhost:9443/strava/[0-9a-f]{32}$"))
    form.fill("port", "443")
    expect(url).to_have_value(re.compile(r"^https://localhost/strava/[0-9a-f]{32}$"))
    form.fill("port", "8443")
    typist.enter(in_front="A router or load balancer forwards another port; TLS ends here")
    expect(url).to_have_value(re.compile(r"^https://localhost/strava/[0-9a-f]{32}$"))
    form.fill("callback_url", "https://rides.example.org/mine")
    form.fill("port", "9443")
    typist.enter(in_front="Nothing: Strava reaches it directly")
    form.expect_value("callback_url", "https://rides.example.org/mine")


def refused_saves(sandbox: Sandbox, taken: int) -> Iterator[tuple[dict[str, str], str]]:
    """What somebody may enter wrong, and what must be said then."""
    certificates = sandbox.certificates
    issued = certificates.issue("issued")
    unreadable = issued.cert_file.with_name("unreadable.pem")
    unreadable.write_bytes(b"\x30\x82")
    old = certificates.issue("old", not_after=datetime(2020, 1, 1, tzinfo=timezone.utc))
    elsewhere = certificates.issue("elsewhere", "a.example.org")
    signed = certificates.self_signed("signed")

    def pair(files: ServerCertificate) -> dict[str, str]:
        return {"cert_file": str(files.cert_file), "key_file": str(files.key_file)}

    yield {"cert_file": "/nowhere/cert.pem"}, "certificate file /nowhere/cert.pem does not exist"
    yield {"cert_file": str(unreadable)}, "is not PEM"
    yield pair(old), "expired on 2020-01-01"
    yield {"cert_file": str(issued.leaf_file), "key_file": str(issued.key_file)}, "Sandbox intermediate CA” is missing"
    yield pair(elsewhere), "does not cover the host “localhost” of the callback URL; it covers a.example.org"
    yield pair(signed), "is self-signed"
    yield {"key_file": "/nowhere/key.pem"}, "key file /nowhere/key.pem does not exist"
    yield {"key_file": str(signed.key_file)}, "does not belong to the certificate"
    yield {"key_file": str(certificates.encrypt_key(issued))}, "is encrypted"
    yield {"port": str(taken), "callback_url": f"https://localhost:{taken}/p"}, "in use by another program"
    yield {"port": "65536"}, "The port must be a whole number from 1 to 65535"
    yield {"callback_url": "http://localhost/p"}, "must begin with https://"
    yield {"callback_url": "https://localhost:8443"}, "needs a path behind the host name"
    yield {"callback_url": "https://localhost:8443/" + "p" * 240}, "has 263 characters; Strava takes at most 255"
    yield {"callback_url": "https://localhost/p"}, "names no port, which means 443, but the input listens on port"
    yield {"interval": "5"}, "restart pause (s) must be a whole number from 10 to 3600"
    yield {"index": "nowhere"}, "There is no index “nowhere” on this host"
    yield {"verify_token": "short"}, "The verify token must have 8 to 200 characters"
    yield {"name": "1st"}, "The name must begin with a letter"
    yield {"application": "Taken"}, "The input “first” is enabled for the application “Taken” already"


def test_each_fault_is_refused_in_its_own_words(sandbox: Sandbox, page: Page, complaints: Complaints) -> None:
    complaints.expect(REFUSED)
    sandbox.add_application("Club")
    sandbox.add_input("first", sandbox.add_application("Taken"))
    values = {"index": "strava", "interval": "60", "verify_token": "a-token-of-mine", **good(sandbox, "Club")}
    typist = Typist(sandbox, page)
    form = typist.open(**values)
    with another_program() as taken:
        for changes, words in refused_saves(sandbox, taken):
            typist.enter(**changes)
            message = form.save_refused()
            assert words in message, (words, message)
            typist.enter(**{field: values[field] for field in changes})
    assert InputsPage(page, sandbox.web).names() == ["first"]


def lose_permission() -> None:
    """Take the permission to have ports below 1024 from what this thread, and those that it starts, will execute."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(24, 10, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_NET_BIND_SERVICE; without effect for who does not have it


class TestWithoutPermission:
    """A Splunk that may not have the ports below 1024, whoever runs the tests."""

    @pytest.fixture
    def sandbox(self, make_sandbox: MakeSandbox) -> Sandbox:
        lowest = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        if lowest.is_file() and int(lowest.read_text()) == 0:
            pytest.skip("this system lets everybody have any port")
        with ThreadPoolExecutor(max_workers=1, initializer=lose_permission) as thread:
            return thread.submit(make_sandbox).result()

    def test_a_port_that_is_not_permitted_is_refused(
        self, sandbox: Sandbox, page: Page, complaints: Complaints
    ) -> None:
        complaints.expect(REFUSED)
        sandbox.add_application("Club")
        url = "https://localhost:81/strava/4f1c9e"
        form = Typist(sandbox, page).open(**good(sandbox, "Club", port="81", callback_url=url))
        message = form.save_refused()
        assert message.startswith("The port 81 may not be used by the user that runs Splunk")


def test_all_faults_are_shown_at_once(sandbox: Sandbox, page: Page, complaints: Complaints) -> None:
    complaints.expect(REFUSED)
    sandbox.add_application("Club")
    old = sandbox.certificates.issue("old", "a.example.org", not_after=datetime(2020, 1, 1, tzinfo=timezone.utc))
    message = (
        Typist(sandbox, page)
        .open(
            name="1st",
            application="Club",
            index="nowhere",
            callback_url="https://strava.example.org",
            port="9443",
            cert_file=str(old.leaf_file),
            key_file="/nowhere/key.pem",
            verify_token="short",
            interval="9",
        )
        .save_refused()
    )
    for words in (
        "name must begin",
        "no index “nowhere”",
        "needs a path",
        "names no port",
        "expired on 2020-01-01",
        "does not cover the host “strava.example.org”",
        "is incomplete",
        "/nowhere/key.pem does not exist",
        "8 to 200",
        "from 10 to 3600",
    ):
        assert words in message, (words, message)
    assert sandbox.splunkd.inputs.stanzas() == []
    assert "short" not in "\n".join(sandbox.splunkd.log_lines())


def test_an_application_that_is_gone_meanwhile_is_refused(sandbox: Sandbox, page: Page, complaints: Complaints) -> None:
    complaints.expect(REFUSED)
    sandbox.add_application("Club")
    typist = Typist(sandbox, page)
    form = typist.open(**good(sandbox, "Club"))
    sandbox.splunkd.request("DELETE", sandbox.splunkd.path("TA_strava_webhook_application", "Club"))
    assert "There is no application “Club”" in form.save_refused()


def test_behind_a_proxy_a_self_signed_certificate_is_saved(
    sandbox: Sandbox, page: Page, complaints: Complaints
) -> None:
    complaints.expect(REFUSED)
    sandbox.add_application("Club")
    signed = sandbox.certificates.self_signed("signed")
    own = {"cert_file": str(signed.cert_file), "key_file": str(signed.key_file)}
    typist = Typist(sandbox, page)
    form = typist.open(**good(sandbox, "Club", callback_url="https://rides.example.org/strava/4f1c9e", **own))
    message = form.save_refused()
    for words in ("self-signed", "names no port", "does not cover"):
        assert words in message
    typist.enter(in_front="A router or load balancer forwards another port; TLS ends here")
    message = form.save_refused()
    assert "self-signed" in message
    assert "names no port" not in message
    typist.enter(in_front="A reverse proxy ends TLS with its own certificate")
    form.save()
    assert typist.inputs.detail("listener", "Callback URL") == "https://rides.example.org/strava/4f1c9e"
    form = typist.inputs.edit("listener")
    advanced(form)
    form.expect_value("in_front", "A reverse proxy ends TLS with its own certificate")


def test_behind_a_router_another_port_is_saved(sandbox: Sandbox, page: Page) -> None:
    sandbox.add_application("Club")
    typist = Typist(sandbox, page)
    typist.open(
        **good(sandbox, "Club", callback_url="https://localhost/strava/4f1c9e"),
        in_front="A router or load balancer forwards another port; TLS ends here",
    ).save()
    assert typist.inputs.names() == ["listener"]


def running(sandbox: Sandbox, page: Page) -> tuple[InputsPage, Input]:
    """An input that serves, and the page with it."""
    made = sandbox.add_input("club", sandbox.add_application("Club"))
    sandbox.wait_until_healthy(made)
    return InputsPage(page, sandbox.web), made


def test_the_offered_input_is_saved_and_serves(sandbox: Sandbox, page: Page) -> None:
    """What is offered is good enough: only the names of the host's files have to be typed."""
    sandbox.add_application("Club")
    typist = Typist(sandbox, page)
    values = good(sandbox, "Club")
    del values["callback_url"]
    form = typist.open(**values)
    expect(form.field("callback_url").get_by_role("textbox")).to_have_value(re.compile(f":{values['port']}/strava/"))
    token, url = form.field("verify_token").locator("input").input_value(), form.value("callback_url")
    form.save()
    _, answer = sandbox.splunkd.request("GET", sandbox.splunkd.path("storage/passwords"), {"count": -1})
    assert any(token in entry["content"]["clear_password"] for entry in answer["entry"])
    assert typist.inputs.detail("listener", "Callback URL") == url
    files = sandbox.certificates.issue("unused")
    sandbox.wait_until_healthy(Input("listener", int(values["port"]), url, token, files))


def test_for_an_input_that_exists_nothing_is_offered(sandbox: Sandbox, page: Page) -> None:
    inputs, made = running(sandbox, page)
    passwords = sandbox.splunkd.path("storage/passwords")
    before = sandbox.splunkd.request("GET", passwords, {"count": -1})[1]["entry"]
    form = inputs.edit("club")
    advanced(form)
    token = form.field("verify_token")
    assert re.fullmatch(r"\**", token.locator("input").input_value())
    expect(token.get_by_role("button")).to_have_count(0)  # no eye: there is nothing to be seen
    form.fill("port", str(free_port()))
    form.choose("in_front", "A router or load balancer forwards another port; TLS ends here")
    form.expect_value("callback_url", made.callback_url)
    form.fill("port", str(made.port))
    form.save()
    assert inputs.detail("club", "Callback URL") == made.callback_url
    after = sandbox.splunkd.request("GET", passwords, {"count": -1})[1]["entry"]
    assert sorted(one["content"]["clear_password"] for one in after) == sorted(
        one["content"]["clear_password"] for one in before
    )


def test_a_running_input_is_edited_without_a_word_about_its_port(sandbox: Sandbox, page: Page) -> None:
    inputs, made = running(sandbox, page)
    form = inputs.edit("club")
    form.expect_value("port", str(made.port))
    form.expect_value("callback_url", made.callback_url)
    assert form.field("verify_token").locator("input").input_value() == "******"
    advanced(form)
    form.fill("interval", "30")
    form.save()
    sandbox.wait_until_healthy(made)
    inputs = InputsPage(page, sandbox.web)
    form = inputs.edit("club")
    advanced(form)
    form.expect_value("interval", "30")
    assert inputs.is_on("club")


def test_a_running_input_is_disabled_and_enabled(sandbox: Sandbox, page: Page) -> None:
    inputs, made = running(sandbox, page)
    inputs.turn("club", False)
    until(lambda: sandbox.health(made) == 0, PATIENCE)
    inputs.turn("club", True)
    sandbox.wait_until_healthy(made)


def test_a_second_input_for_an_application_is_neither_saved_nor_enabled(
    sandbox: Sandbox, page: Page, complaints: Complaints
) -> None:
    complaints.expect(REFUSED, "exception in a page: The input “second” is enabled")  # UCC shows it and throws it
    inputs, _ = running(sandbox, page)
    typist = Typist(sandbox, page)
    form = typist.open(**good(sandbox, "Club", name="second"))
    assert "The input “club” is enabled for the application “Club” already" in form.save_refused()
    form.cancel()
    inputs = InputsPage(page, sandbox.web)
    inputs.turn("club", False)
    form = typist.open(**good(sandbox, "Club", name="second"))
    form.save()
    inputs.switch("club").click()
    expect(page.get_by_text("The input “second” is enabled for the application “Club” already")).to_be_visible()
    assert not InputsPage(page, sandbox.web).is_on("club")


def test_the_table_says_what_matters(sandbox: Sandbox, page: Page) -> None:
    inputs, made = running(sandbox, page)
    # Before the first is the arrow that opens a row.
    headings = ["Name", "Kind", "Application", "Port", "Index", "Subscription", "History", "Status"]
    assert inputs.columns()[1:9] == headings
    assert inputs.cell("club", "serviceTitle") == "Strava Webhook"
    assert inputs.cell("club", "port") == str(made.port)
    assert inputs.cell("club", "index") == "strava"
    inputs.delete("club")
    assert sandbox.splunkd.inputs.stanzas() == []
