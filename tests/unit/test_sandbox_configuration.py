"""Conf files, passwords and answers of the sandbox's splunkd."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.splunkd.configuration import Configuration, parse_conf, render_conf
from sandbox.splunkd.entities import Entity, Listing, RestFault, page, select
from sandbox.splunkd.inputs import next_start
from sandbox.splunkd.passwords import Passwords
from sandbox.splunkd.request import parse


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    app = tmp_path / "apps" / "toy"
    (app / "default").mkdir(parents=True)
    (app / "default" / "toy.conf").write_text("[one]\na = 1\nb = 2\n", encoding="utf-8")
    return Configuration(tmp_path)


def test_a_conf_file_is_read_as_splunk_reads_it() -> None:
    text = "# note\nglobal = 1\n\n[one]\nkey = a = b\n  spaced=  x  \nlong = first\\\nsecond\nnonsense\n[two]\n"
    assert parse_conf(text) == {
        "default": {"global": "1"},
        "one": {"key": "a = b", "spaced": "x", "long": "first\nsecond"},
        "two": {},
    }


@given(st.dictionaries(st.text("abcd:/ ", min_size=1).map(str.strip).filter(bool), st.integers()))
def test_what_is_written_is_read_again(stanzas: dict[str, int]) -> None:
    conf = {name: {"value": str(value), "lines": "a\nb"} for name, value in stanzas.items()}
    assert parse_conf(render_conf(conf)) == conf


def test_a_change_goes_to_local_and_wins_over_default(configuration: Configuration, tmp_path: Path) -> None:
    configuration.write("toy", "toy", "one", {"b": "3"})
    stanza = configuration.read("toy")["one"]
    assert dict(stanza.settings) == {"a": "1", "b": "3"}
    assert stanza.shipped
    assert parse_conf((tmp_path / "apps/toy/default/toy.conf").read_text(encoding="utf-8"))["one"]["b"] == "2"


def test_a_conf_without_any_file_does_not_exist(configuration: Configuration) -> None:
    assert configuration.exists("toy")
    assert not configuration.exists("other")
    configuration.write("other", "toy", "new", {})
    assert configuration.exists("other")


@pytest.fixture
def passwords(configuration: Configuration, tmp_path: Path) -> Passwords:
    return Passwords(configuration, tmp_path)


def test_a_password_is_not_readable_in_the_file(
    passwords: Passwords, configuration: Configuration, tmp_path: Path
) -> None:
    entity = passwords.create("toy", {"name": ["me"], "realm": ["r"], "password": ["open sesame"]})
    assert entity.name == "r:me:"
    assert entity.content["clear_password"] == "open sesame"
    assert "sesame" not in (tmp_path / "apps/toy/local/passwords.conf").read_text(encoding="utf-8")


def test_a_password_of_255_characters_is_taken_and_one_more_is_refused(passwords: Passwords) -> None:
    passwords.create("toy", {"name": ["me"], "password": ["x" * 255]})
    with pytest.raises(RestFault) as caught:
        passwords.update(":me:", {"password": ["x" * 256]})
    assert caught.value.status == 400


def test_a_second_password_of_the_same_name_is_a_conflict(passwords: Passwords) -> None:
    passwords.create("toy", {"name": ["me"], "password": ["x"]})
    with pytest.raises(RestFault) as caught:
        passwords.create("toy", {"name": ["me"], "password": ["y"]})
    assert caught.value.status == 409


def test_a_colon_in_a_realm_is_marked(passwords: Passwords) -> None:
    entity = passwords.create("toy", {"name": ["b"], "realm": ["a:b"], "password": ["x"]})
    assert entity.name == r"a\:b:b:"


def test_a_slash_in_a_name_arrives_once_or_twice_encoded() -> None:
    for name in ("a%2Fb", "a%252Fb"):
        request = parse("GET", f"/servicesNS/nobody/toy/storage/passwords/{name}?x=1", b"y=2", "key", "admin")
        assert request.path == ("storage", "passwords", "a/b")
        assert (request.first("x"), request.first("y")) == ("1", "2")


def test_a_link_has_slashes_encoded_twice() -> None:
    assert Entity("a/b", {}, "things").path() == "/servicesNS/nobody/system/things/a%252Fb"


def test_thirty_entries_come_unless_more_are_asked_for() -> None:
    def listing() -> Listing:
        return Listing("things", [Entity(str(number), {}, "things") for number in range(40)])

    assert len(page(listing(), {}).entities) == 30
    assert len(page(listing(), {"count": ["0"]}).entities) == 40
    assert len(page(listing(), {"count": ["-1"], "offset": ["35"]}).entities) == 5


def test_a_search_selects_by_field_by_name_and_by_word() -> None:
    things = [Entity("one", {"realm": "a#b/c"}, "t", app="toy"), Entity("two", {"realm": "z=1"}, "t")]
    assert [entity.name for entity in select(things, {"search": ["realm=a#b/c"]})] == ["one"]
    assert [entity.name for entity in select(things, {"search": [r"realm=z\=1"]})] == ["two"]
    assert [entity.name for entity in select(things, {"search": ["eai:acl.app=toy name=o*"]})] == ["one"]
    assert [entity.name for entity in select(things, {"search": ["TW"]})] == ["two"]


@pytest.mark.parametrize(("interval", "expected"), [("0", 100.0), ("60", 160.0), ("-1", None)])
def test_the_interval_counts_from_the_end_of_a_run(interval: str, expected: float | None) -> None:
    assert next_start(interval, 100.0) == expected
