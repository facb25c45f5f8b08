"""Checks around saving that UCC's generated handlers call."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trustme
from splunktaucclib.rest_handler.error import RestError

from custom_hook_mixin import CustomHookMixin


class Hooks(CustomHookMixin):
    """With the definition that the built one comes from."""

    DEFINITION = Path(__file__).parents[2] / "globalConfig.json"


def edit(tab: str, **payload: str) -> dict[str, object]:
    fields: dict[str, object] = dict(payload)
    Hooks().edit_hook("key", tab, tab, fields)
    return fields


def test_values_are_saved_without_blanks_around_them() -> None:
    assert edit("account", index="  strava\n") == {"index": "strava"}


def test_a_line_break_cannot_begin_a_new_line_of_the_file() -> None:
    with pytest.raises(RestError, match="The field index has line breaks"):
        edit("account", index="x\n[evil]")


@pytest.mark.parametrize("name", ["", "1st", "a b", "a/b", "a:b", "ü", "a\n", "a" * 51, "[x]"])
def test_a_name_that_is_no_stanza_is_refused(name: str) -> None:
    with pytest.raises(RestError, match="The name must begin with a letter"):
        Hooks().create_hook("key", "application", name, {})


def test_the_name_of_splunks_own_defaults_is_refused() -> None:
    with pytest.raises(RestError, match="The name default means something to Splunk"):
        Hooks().create_hook("key", "application", "default", {"client_id": "1", "client_secret": "s"})


def test_a_backslash_at_the_end_cannot_swallow_the_next_line_of_the_file() -> None:
    with pytest.raises(RestError, match="The field index must not end with a backslash"):
        edit("account", index="strava\\")
    edit("proxy", proxy_enabled="0", proxy_username="domain\\user")


def test_all_faults_of_a_tab_come_in_one_message() -> None:
    with pytest.raises(RestError) as caught:
        edit("advanced", settle_time="-1", concurrency="4", retry_base="0", retention_days="0", api_url="x")

    assert caught.value.status == 400
    assert caught.value.message.count(".") >= 5
    for field in ("settle time", "Fetches at once", "first retry pause", "Finished jobs", "API URL"):
        assert field in caught.value.message


def test_what_the_page_does_not_see_is_checked_besides() -> None:
    with pytest.raises(RestError, match=r"The CA file .* must be a full path"):
        edit("advanced", ca_file="here.pem")


@pytest.mark.parametrize("kind", ["missing", "pipe", "text"])
def test_a_ca_file_that_cannot_be_used_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "ca.pem"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "text":
        path.write_text("no certificate")
    with pytest.raises(RestError, match=r"The CA file .* \(Configuration → Advanced\) "):
        edit("advanced", ca_file=str(path))


def test_a_ca_file_with_an_authority_is_saved(tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    edit("advanced", ca_file=str(tmp_path / "ca.pem"))


def test_a_good_tab_passes() -> None:
    edit("advanced", settle_time="0", concurrency="1", retry_base="1", retention_days="365", ca_file="")
    edit("logging", loglevel="DEBUG")
    edit("proxy", proxy_enabled="0")
    edit(
        "proxy",
        proxy_enabled="1",
        proxy_type="socks5",
        proxy_url="proxy.example.org",
        proxy_port="1080",
        proxy_username="u",
        proxy_password="******",
    )


def test_a_proxy_password_needs_a_user_name() -> None:
    with pytest.raises(RestError, match="no user name"):
        edit("proxy", proxy_enabled="1", proxy_url="p", proxy_port="1", proxy_password="new")
