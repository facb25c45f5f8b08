"""What operators ask wrongly, and stores that are not as they should be."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from strava_collector import admin_desk
from strava_collector.admin import jobs
from strava_collector.admin_arguments import WrongArgument, subscription_order
from strava_collector.admin_desk import Desk
from strava_collector.errors import StoreUnavailable, StoreUnusable
from tests.support.clock import VirtualClock
from tests.support.office import Office
from tests.support.store import raw


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    with made.store.write():
        pass
    yield made
    made.store.close()


@pytest.mark.parametrize(
    ("verb", "texts"),
    [
        ("list", {"status": "finished"}),
        ("list", {"limit": "0"}),
        ("list", {"limit": "10001"}),
        ("list", {"limit": "٣"}),
        ("list", {"offset": "-1"}),
        ("list", {"athlete_id": "9" * 20}),
        ("list", {"evil": "1"}),
        ("list", {"status": "x" * 300}),
        ("list", {"status": "done\x00"}),
        ("list", {"status": ""}),
        ("list", {"athlete_id": " "}),
        ("retry", {"id": "", "all": "1"}),
        ("delete", {"status": "done", "older_than": "", "all": "1"}),
        ("show", {}),
        ("show", {"id": "notification:1"}),
        ("fetch", {}),
        ("fetch", {"activity_id": "1.5"}),
        ("fetch", {"activity_id": "1", "force": "maybe"}),
        ("retry", {}),
        ("retry", {"id": "1", "all": "1"}),
        ("retry", {"id": "gear:1"}),
        ("replay", {}),
        ("replay", {"since": "yesterday"}),
        ("replay", {"since": "2999-01-01T00:00:00Z"}),
        ("replay", {"since": "0", "cursor": "jobs:nan:1"}),
        ("replay", {"since": "0", "cursor": "jobs:1:" + "9" * 30}),
        ("replay", {"since": "0", "cursor": "evil:1:1"}),
        ("reindex", {}),
        ("reindex", {"all": "0"}),
        ("reindex", {"all": "1", "athlete": "5"}),
        ("reindex", {"all": "1", "from": "2026-01-01"}),
        ("reindex", {"cursor": "5/2026-06-01T05:00:00Z/7"}),
        ("reindex", {"athlete": "Anna"}),
        ("reindex", {"athlete": "٣"}),
        ("reindex", {"from": "yesterday"}),
        ("reindex", {"from": "2026-02-30"}),
        ("reindex", {"to": "20260601"}),
        ("reindex", {"to": "2026-06-01T05:00:00Z"}),
        ("reindex", {"to": "2026-W23-1"}),
        ("reindex", {"from": "2026-06-02", "to": "2026-06-01"}),
        ("reindex", {"all": "1", "cursor": "5"}),
        ("reindex", {"all": "1", "cursor": "5/' OR 1 = 1 --xxxxxx/7"}),
        ("delete", {}),
        ("delete", {"status": "done"}),
        ("delete", {"status": "done", "all": "1", "older_than": "1"}),
        ("delete", {"status": "done", "older_than": "-1"}),
        ("delete", {"status": "done", "older_than": "nan"}),
        ("delete", {"status": "done", "older_than": "1e3"}),
    ],
)
def test_what_cannot_be_understood_is_refused_in_a_sentence(office: Office, verb: str, texts: dict[str, str]) -> None:
    with pytest.raises(WrongArgument) as refused:
        office.do(verb, **texts)
    assert str(refused.value)[0].isupper()
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize(
    ("verb", "texts"),
    [
        ("create", {}),
        ("create", {"input": " "}),
        ("create", {"input": "club", "application": "Club"}),
        ("delete", {}),
        ("delete", {"id": "1", "application": "Club"}),
        *(("delete", {"id": text}) for text in ("", "0", "-1", "x", "../1", "1?x", "9" * 20, "٣")),
        ("delete_all", {"application": ""}),
        ("delete_all", {"id": "1"}),
    ],
)
def test_orders_about_subscriptions_are_read_by_the_same_rules(verb: str, texts: dict[str, str]) -> None:
    with pytest.raises(WrongArgument) as refused:
        subscription_order(verb, texts)
    assert str(refused.value).endswith(".")


def test_an_order_about_subscriptions_has_what_was_said_and_no_more() -> None:
    assert subscription_order("list", {}) == {}
    assert subscription_order("create", {"input": " club "}) == {"input": "club"}
    assert subscription_order("delete", {"id": "0042"}) == {"id": "42"}
    assert subscription_order("delete_all", {}) == {}
    assert subscription_order("delete_all", {"application": "Club"}) == {"application": "Club"}


@pytest.mark.parametrize("verb", ["list", "counts", "dead_letters", "reclaim", "reindex"])
def test_where_there_is_no_store_it_is_said_and_none_is_made(tmp_path: Path, verb: str) -> None:
    with pytest.raises(StoreUnavailable, match="There is no store in"):
        jobs(Desk(tmp_path / "none", VirtualClock()), verb, {"all": "1"} if verb == "reindex" else {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", [1, 99])
@pytest.mark.parametrize("verb", ["list", "reclaim"])
def test_a_store_of_another_version_is_left_as_it_is(office: Office, version: int, verb: str) -> None:
    office.store.close()
    connection = raw(office.folder.parent)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    with pytest.raises(StoreUnusable, match="another version"):
        office.do(verb)
    connection = raw(office.folder.parent)
    assert connection.execute("PRAGMA user_version").fetchone() == (version,)
    connection.close()


def test_an_empty_file_is_no_store_of_another_version(office: Office) -> None:
    office.store.close()
    for path in office.folder.glob("strava.db*"):
        path.unlink()
    (office.folder / "strava.db").touch()
    for verb in ("list", "reclaim"):
        with pytest.raises(StoreUnusable, match=r"is empty: the next input that starts begins it\.$"):
            office.do(verb)
    assert (office.folder / "strava.db").stat().st_size == 0


# Everything but the header and the schema; and the header.
@pytest.mark.parametrize("begin", [8192, 0])
@pytest.mark.parametrize(
    ("verb", "texts"),
    [
        ("list", {}),
        ("counts", {}),
        ("dead_letters", {}),
        ("show", {"id": "1"}),
        ("fetch", {"activity_id": "1"}),
        ("retry", {"all": "1"}),
        ("reclaim", {}),
        ("replay", {"since": "0"}),
        ("delete", {"status": "done", "all": "1"}),
    ],
)
def test_a_damaged_store_is_told_and_left_to_the_inputs(
    office: Office, verb: str, texts: dict[str, str], begin: int
) -> None:
    office.failed(1)
    office.dead_notification(2)
    office.store.close()
    file = office.folder / "strava.db"
    with file.open("r+b") as opened:
        opened.seek(begin)
        opened.write(random.Random(1).randbytes(file.stat().st_size - begin if begin else 200))
    before = {path.name: path.read_bytes() for path in office.folder.iterdir()}
    with pytest.raises(StoreUnavailable, match=r"is damaged \(.*\)\. An input repairs it when it comes upon") as told:
        office.do(verb, **texts)
    assert "tried again" not in str(told.value)
    assert {path.name: path.read_bytes() for path in office.folder.iterdir() if path.name in before} == before
    assert not [path for path in office.folder.iterdir() if "damaged" in path.name or "repair" in path.name]


def test_whoever_wants_it_repaired_at_once_announces_that_to_the_inputs(office: Office) -> None:
    (office.folder / "store.repair").touch()
    for verb in ("list", "reclaim"):
        with pytest.raises(StoreUnavailable, match="is just being repaired by an input, or will be when one runs"):
            office.do(verb)
    with office.store.write():
        pass
    assert office.do("list") == []
    assert [path.name for path in office.folder.iterdir() if "damaged" in path.name]


def test_a_locked_store_is_to_be_asked_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_desk, "PATIENCE", 0.05)
    office.failed(1)
    with (
        office.store.write(),
        pytest.raises(StoreUnavailable, match=r"locked by somebody else for 0\.05 s\. Try it again\."),
    ):
        office.do("retry", all="1")
