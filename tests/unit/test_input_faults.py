"""Saving an input says everything that is wrong with it, at once and in sentences."""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.certificates import Certificates, ServerCertificate
from strava_collector.input_faults import Surroundings, input_faults

NOW = time.time()
HOST = "strava.example.org"
FIELDS = ("application", "index", "port", "interval", "callback_url", "cert_file", "key_file", "verify_token")


@pytest.fixture(scope="module")
def files(certificates: Certificates) -> ServerCertificate:
    return certificates.issue("listener", HOST)


@pytest.fixture
def saved(files: ServerCertificate) -> dict[str, str | None]:
    """An input without a fault."""
    return {
        "application": "club",
        "index": "strava",
        "port": "8443",
        "interval": "60",
        "callback_url": f"https://{HOST}:8443/hook/3f9a",
        "cert_file": str(files.cert_file),
        "key_file": str(files.key_file),
        "verify_token": "******",
    }


@pytest.fixture
def around(certificates: Certificates) -> Surroundings:
    return Surroundings(
        applications={"club", "own"}, inputs={}, indexes={"strava", "main"}, ca_file=str(certificates.ca_file)
    )


def faults(
    params: Mapping[str, str | None], around: Surroundings, *, name: str = "main", error: OSError | None = None
) -> list[str]:
    found = input_faults(name, params, around, now=NOW, try_port=lambda _port, loopback=False: error)
    for fault in found:
        assert re.match(r"[A-Z].*[.?]\Z", fault), fault
    return found


def other(name: str = "other", **changes: str) -> dict[str, dict[str, str]]:
    """An enabled input that stands in nobody's way."""
    return {name: {"application": "own", "port": "9443", "disabled": "0", **changes}}


def test_an_input_without_fault_can_be_saved(saved: dict[str, str | None], around: Surroundings) -> None:
    assert faults(saved, around) == []
    assert faults({**saved, "in_front": "nothing", "verify_token": "a-token-of-mine"}, around) == []


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("port", "0", "port"),
        ("port", "8443.0", "port"),
        ("port", "+8443", "port"),
        ("port", "٣", "port"),
        ("port", "9" * 5000, "port"),
        ("port", "", "port is missing"),
        ("interval", "9", "restart pause"),
        ("interval", "3601", "restart pause"),
        ("interval", "-1", "restart pause"),
        ("callback_url", "", "callback URL is missing"),
        ("callback_url", f"http://{HOST}/p", "https"),
        ("callback_url", f"{HOST}:8443/p", "https"),
        ("callback_url", "https:///p", "host"),
        ("callback_url", f"https://{HOST}:8443", "path"),
        ("callback_url", f"https://{HOST}:8443/", "path"),
        ("callback_url", f"https://{HOST}:8443/health", "/health"),
        ("callback_url", f"https://{HOST}:8443/p?q=1", "question mark"),
        ("callback_url", f"https://{HOST}:8443/p#f", "hash sign"),
        ("callback_url", f"https://{HOST}:8443/p?", "question mark"),
        ("callback_url", f"https://{HOST}:8443/p#", "hash sign"),
        ("callback_url", f"https://{HOST}:8443//", "path"),
        ("callback_url", f"https://{HOST}:8443/a/../p", "no part “.” or “..”"),
        ("callback_url", f"https://{HOST}:0/p", "port 0"),
        ("callback_url", f"https://u:p@{HOST}:8443/p", "user name"),
        ("callback_url", f"https://{HOST}:8443/ü", "ASCII"),
        ("callback_url", f"https://{HOST}:8443/a b", "blanks"),
        ("callback_url", f"https://{HOST}:99999/p", "port"),
        ("callback_url", f"https://[{HOST}/p", "host"),
        ("callback_url", f"https://{HOST}:8443/" + "p" * 224, "has 256 characters"),
        ("callback_url", f"https://{HOST}:9443/p", "names the port 9443, but the input listens on port 8443"),
        ("callback_url", f"https://{HOST}/p", "names no port, which means 443, but the input listens on port 8443"),
        ("callback_url", "https://else.example.org:8443/p", "does not cover the host “else.example.org”"),
        ("application", "  ", "application is missing"),
        ("application", "gone", "no application “gone”"),
        ("index", "", "index is missing"),
        ("index", "gone", "no index “gone”"),
        ("cert_file", "", "certificate file is missing"),
        ("cert_file", "/nowhere/cert.pem", "/nowhere/cert.pem does not exist"),
        ("cert_file", "cert.pem", "must be a full path"),
        ("cert_file", "/dev", "is a folder"),
        ("cert_file", "/a\nb", "control characters"),
        ("key_file", "", "private key file is missing"),
        ("key_file", "/nowhere/key.pem", "/nowhere/key.pem does not exist"),
        ("verify_token", "", "verify token is missing"),
        ("verify_token", "short", "8 to 200"),
        ("verify_token", "7-signs", "8 to 200"),
        ("verify_token", "t" * 201, "8 to 200"),
        ("verify_token", "*stars*", "8 to 200"),
        ("verify_token", "*****", "8 to 200"),
        ("verify_token", "with blanks in it", "8 to 200"),
        ("verify_token", "ümlaut-token", "8 to 200"),
        ("in_front", "wall", "one of nothing, router, proxy, local_proxy"),
    ],
)
def test_each_fault_is_the_only_one_and_named(
    saved: dict[str, str | None], around: Surroundings, field: str, value: str, word: str
) -> None:
    (fault,) = faults({**saved, field: value}, around)

    assert word in fault


@pytest.mark.parametrize("name", ["", "1st", "a b", "a" * 51, "é", "a/b", "a\n"])
def test_a_name_that_cannot_be_one_is_refused(saved: dict[str, str | None], around: Surroundings, name: str) -> None:
    (fault,) = faults(saved, around, name=name)

    assert "name must begin" in fault


def test_a_token_that_is_refused_is_not_repeated(saved: dict[str, str | None], around: Surroundings) -> None:
    assert "planted token" not in " ".join(faults({**saved, "verify_token": "planted token"}, around))


@pytest.mark.parametrize("token", ["8-signs-", "t" * 200, "*stars-and-more*"])
def test_a_token_within_the_limits_is_taken(saved: dict[str, str | None], around: Surroundings, token: str) -> None:
    assert faults({**saved, "verify_token": token}, around) == []


def test_the_longest_callback_url_that_strava_takes_is_taken(
    saved: dict[str, str | None], around: Surroundings
) -> None:
    url = f"https://{HOST}:8443/" + "p" * 223

    assert len(url) == 255
    assert faults({**saved, "callback_url": url}, around) == []


def test_an_encrypted_key_and_one_of_another_certificate_are_refused(
    saved: dict[str, str | None], around: Surroundings, certificates: Certificates, files: ServerCertificate
) -> None:
    (encrypted,) = faults({**saved, "key_file": str(certificates.encrypt_key(files))}, around)
    (foreign,) = faults({**saved, "key_file": str(certificates.issue("foreign", HOST).key_file)}, around)

    assert "is encrypted" in encrypted
    assert "does not belong to the certificate" in foreign


# -- the port ----------------------------------------------------------------------------------------------------

IN_USE = OSError(errno.EADDRINUSE, "Address already in use")
FORBIDDEN = OSError(errno.EACCES, "Permission denied")


def test_a_port_that_another_program_has_is_refused(saved: dict[str, str | None], around: Surroundings) -> None:
    (fault,) = faults(saved, around, error=IN_USE)
    assert "port 8443 is in use by another program" in fault


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_port_that_is_not_permitted_is_refused(
    saved: dict[str, str | None], around: Surroundings, number: int
) -> None:
    url = f"https://{HOST}/hook"
    (fault,) = faults({**saved, "port": "443", "callback_url": url}, around, error=OSError(number, "No"))
    assert "port 443 may not be used by the user that runs Splunk" in fault


def test_an_address_is_offered_as_it_is_written_in_a_url(
    saved: dict[str, str | None], around: Surroundings, certificates: Certificates
) -> None:
    files = certificates.issue("address", "2001:db8::1")
    own = {"cert_file": str(files.cert_file), "key_file": str(files.key_file)}
    (fault,) = faults({**saved, **own, "callback_url": "https://[2001:db8::1]:9443/p"}, around)
    assert "Write https://[2001:db8::1]:8443/… , or" in fault


def test_any_other_trouble_with_the_port_is_told(saved: dict[str, str | None], around: Surroundings) -> None:
    (fault,) = faults(saved, around, error=OSError(errno.ENOBUFS, "No buffer space available"))
    assert "cannot be used (No buffer space available)" in fault


def test_the_port_of_a_running_input_is_its_own(saved: dict[str, str | None], around: Surroundings) -> None:
    around = replace(around, inputs=other("main", application="club", port="8443"))
    assert faults(saved, around, error=IN_USE) == []


def test_another_port_of_a_running_input_is_tried(saved: dict[str, str | None], around: Surroundings) -> None:
    around = replace(around, inputs=other("main", application="club", port="9443"))
    assert len(faults(saved, around, error=IN_USE)) == 1


def test_the_port_of_a_disabled_input_is_not_its_own(saved: dict[str, str | None], around: Surroundings) -> None:
    around = replace(around, inputs=other("main", application="club", port="8443", disabled="1"))
    (fault,) = faults(saved, around, error=IN_USE)
    assert "another program" in fault


def test_the_port_of_another_input_is_one_fault_that_names_it(
    saved: dict[str, str | None], around: Surroundings
) -> None:
    (fault,) = faults(saved, replace(around, inputs=other(port="8443")), error=IN_USE)
    assert "belongs to the input “other”" in fault


def test_a_port_in_use_may_be_our_own_while_splunkd_does_not_tell(
    saved: dict[str, str | None], around: Surroundings
) -> None:
    unknown = replace(around, inputs=None)
    assert faults(saved, unknown, error=IN_USE) == []
    assert len(faults(saved, unknown, error=FORBIDDEN)) == 1


# -- other inputs, and what splunkd does not tell ----------------------------------------------------------------


def test_an_application_has_one_enabled_input(saved: dict[str, str | None], around: Surroundings) -> None:
    (fault,) = faults(saved, replace(around, inputs=other(application="club")))
    assert "“other” is enabled for the application “club” already" in fault


def test_a_disabled_input_stands_in_nobodys_way(saved: dict[str, str | None], around: Surroundings) -> None:
    assert faults(saved, replace(around, inputs=other(application="club", port="8443", disabled="1"))) == []


def test_a_disabled_input_may_be_prepared_beside_the_one_that_runs(
    saved: dict[str, str | None], around: Surroundings
) -> None:
    inputs = {**other(application="club"), **other("main", application="club", port="8443", disabled="1")}
    assert faults(saved, replace(around, inputs=inputs)) == []


def test_inputs_that_collide_already_can_be_edited_but_not_made_to_collide_more(
    saved: dict[str, str | None], around: Surroundings
) -> None:
    """As when both were saved in the same moment."""
    mine = other("main", application="club", port="8443")
    both = replace(around, inputs={**other(application="club", port="8443"), **mine})
    assert faults({**saved, "interval": "30"}, both, error=IN_USE) == []
    assert faults({**saved, "application": "own"}, both, error=IN_USE) == []
    free = {"port": "7443", "callback_url": f"https://{HOST}:7443/hook"}
    assert faults({**saved, **free}, both) == []

    third = replace(both, inputs={**(both.inputs or {}), **other("third", application="own", port="7443")})
    (application,) = faults({**saved, "application": "own"}, third)
    assert "“third” is enabled for the application “own” already" in application
    (port,) = faults({**saved, **free}, third)
    assert "belongs to the input “third”" in port


def test_what_splunkd_does_not_tell_is_not_judged(saved: dict[str, str | None], certificates: Certificates) -> None:
    unknown = Surroundings(ca_file=str(certificates.ca_file))
    assert faults({**saved, "application": "?", "index": "?"}, unknown) == []


def test_what_splunkd_does_not_pass_is_not_judged(saved: dict[str, str | None], around: Surroundings) -> None:
    for field in set(FIELDS) - {"cert_file", "key_file"}:
        assert faults({key: value for key, value in saved.items() if key != field}, around) == [], field
    assert faults({}, around) == []
    assert faults({"callback_url": saved["callback_url"], "port": "8443"}, around) == []


@pytest.mark.parametrize("in_front", ["", "nothing", "router", "proxy"])
def test_certificate_and_key_are_demanded_although_splunkd_does_not(
    saved: dict[str, str | None], around: Surroundings, in_front: str
) -> None:
    demanded = ["The certificate file is missing.", "The private key file is missing."]
    without = {key: value for key, value in saved.items() if key not in ("cert_file", "key_file")}
    assert faults({**without, "in_front": in_front}, around) == demanded
    assert faults({**saved, "in_front": in_front, "cert_file": " ", "key_file": ""}, around) == demanded


# -- what stands in front ----------------------------------------------------------------------------------------


def test_behind_a_router_the_callback_url_may_name_another_port(
    saved: dict[str, str | None], around: Surroundings, certificates: Certificates
) -> None:
    routed = {**saved, "callback_url": f"https://{HOST}/hook", "in_front": "router"}
    assert faults(routed, around) == []
    signed = certificates.self_signed("routed", HOST)
    (fault,) = faults({**routed, "cert_file": str(signed.cert_file), "key_file": str(signed.key_file)}, around)
    assert "self-signed" in fault


def test_behind_a_proxy_the_certificate_is_nobody_elses_business(
    saved: dict[str, str | None], around: Surroundings, certificates: Certificates
) -> None:
    signed = certificates.self_signed("proxied", "inside.example.org")
    own = {"cert_file": str(signed.cert_file), "key_file": str(signed.key_file)}
    proxied = {**saved, **own, "callback_url": f"https://{HOST}/hook", "in_front": "proxy"}
    assert faults(proxied, around) == []
    assert len(faults({**proxied, "in_front": "nothing"}, around)) == 3


def test_plain_http_for_a_proxy_on_this_host_needs_no_certificate_and_may_have_none(
    saved: dict[str, str | None], around: Surroundings
) -> None:
    plain = {**saved, "callback_url": f"https://{HOST}/hook", "in_front": "local_proxy"}
    without = {key: value for key, value in plain.items() if key not in ("cert_file", "key_file")}
    assert faults(without, around) == []
    assert faults({**without, "cert_file": "", "key_file": ""}, around) == []
    for left in ({"cert_file": saved["cert_file"]}, {"key_file": "/nowhere"}, {}):
        (fault,) = faults({**without, **left} if left else plain, around)
        assert "the input uses no certificate: empty the fields" in fault


def test_plain_http_needs_the_port_of_this_hosts_own_addresses_only(
    saved: dict[str, str | None], around: Surroundings
) -> None:
    tried = []

    def try_port(port: int, *, loopback: bool = False) -> OSError | None:
        tried.append((port, loopback))
        return None if loopback else IN_USE

    plain = {**saved, "cert_file": "", "key_file": "", "in_front": "local_proxy"}
    assert input_faults("main", plain, around, now=NOW, try_port=try_port) == []
    assert len(input_faults("main", saved, around, now=NOW, try_port=try_port)) == 1
    assert tried == [(8443, True), (8443, False)]


# -- all together ------------------------------------------------------------------------------------------------


def test_all_faults_are_found_at_once(
    saved: dict[str, str | None], around: Surroundings, certificates: Certificates
) -> None:
    expired = certificates.issue("expired", "a.example.org", not_after=datetime(2020, 1, 1, tzinfo=timezone.utc))
    found = faults(
        {
            "application": "gone",
            "index": "gone",
            "port": "443",
            "interval": "5",
            "callback_url": f"https://{HOST}:9443/" + "p" * 300,
            "cert_file": str(expired.leaf_file),
            "key_file": str(certificates.encrypt_key(expired)),
            "verify_token": "short",
            "in_front": "wall",
        },
        replace(around, inputs=other(port="443")),
        name="1st",
        error=FORBIDDEN,
    )
    text = " ".join(found)
    for word in (
        "name must begin",
        "no application",
        "no index",
        "belongs to the input",
        "may not be used",
        "restart pause",
        "characters; Strava takes",
        "expired",
        "does not cover",
        "incomplete",
        "is encrypted",
        "8 to 200",
        "one of nothing",
    ):
        assert word in text, word
    assert len(found) == 13


def test_what_is_quoted_is_no_markup_and_not_endless(saved: dict[str, str | None], around: Surroundings) -> None:
    script = "<script>alert(1)</script>"
    found = faults({**saved, "application": script, "index": "i" * 5000, "cert_file": f"/{script}"}, around)
    assert len(found) == 3
    assert all("<" not in fault and len(fault) < 400 for fault in found)
    assert "‹script›" in found[0]


def test_everything_missing_is_said_at_once(around: Surroundings) -> None:
    found = faults(dict.fromkeys(FIELDS, ""), around)
    assert len(found) == 7
    assert all("is missing" in fault for fault in found)


@given(st.text(), st.dictionaries(st.sampled_from([*FIELDS, "in_front"]), st.text()))
def test_no_text_makes_the_checks_fail(name: str, params: dict[str, str]) -> None:
    found = input_faults(name, params, Surroundings(applications=(), inputs={}, indexes=()), now=NOW)
    assert all(fault.isprintable() for fault in found)
