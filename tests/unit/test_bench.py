"""The bench measures what it says and judges it rightly; its figures are not looked at here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench import connections, profile, samples, store
from tests.bench.load import Answers, read_answers
from tests.bench.page import page
from tests.bench.rows import NEW_IDS, activity_id, fill, fill_waiting
from tests.bench.spread import Spread, percentile, ratio
from tests.bench.verdict import Verdict, read_summary, table, write_summary
from tests.support.store import database


def test_every_operation_is_measured_at_every_size_and_leaves_the_tables_as_they_were(tmp_path: Path) -> None:
    samples = store.measure(sizes=(1_000, 2_000), rounds=3)

    assert set(samples) == set(store.OPERATION)
    for by_size in samples.values():
        assert set(by_size) == {1_000, 2_000}
        for one in by_size.values():
            assert len(one.statements) == len(one.transaction) == 3
            assert all(inside < whole for inside, whole in zip(one.statements[0], one.transaction[0]))
    assert len(store.table(samples).splitlines()) == 2 + 2 * len(store.OPERATION)
    json.dumps(store.raw(samples))


def test_filling_makes_the_rows_and_leaves_the_schema_as_it_was(tmp_path: Path) -> None:
    filled = database(tmp_path)
    with filled.read() as tx:
        before = {row["sql"] for row in tx.execute("SELECT sql FROM sqlite_master")}
    fill(filled, 2_000)
    with filled.read() as tx:
        assert {row["sql"] for row in tx.execute("SELECT sql FROM sqlite_master")} == before
        ids = {row["activity_id"] for row in tx.execute("SELECT activity_id FROM job")}
        for table in ("notification", "job"):
            assert tx.execute(f"SELECT MIN(id), MAX(id), COUNT(*) FROM {table}").fetchone()[:] == (1, 2_000, 2_000)
    filled.close()
    assert ids == {activity_id(row) for row in range(2_000)}
    assert max(map(activity_id, range(1_000_000))) < NEW_IDS


def test_samples_are_measured_by_each_way() -> None:
    measured = samples.measure(rounds=2, samples=600)

    assert [len(figures) for figures in measured.per_second.values()] == [2, 2, 2]
    assert measured.answer < measured.peak
    assert len(samples.table(measured).splitlines()) == 5
    assert len(samples.verdicts(measured)) == 2
    json.dumps(samples.raw(measured))


def test_rows_that_wait_are_jobs_and_notifications_of_the_input(tmp_path: Path) -> None:
    filled = database(tmp_path)
    fill_waiting(filled, 1_000, input="rides", athlete_id=7)
    with filled.read() as tx:
        for table_name, state in (("job", "status"), ("notification", "state")):
            query = (
                f"SELECT COUNT(*) FROM {table_name} WHERE {state} = 'pending' AND input = 'rides' AND athlete_id = 7"
            )
            assert tx.execute(f"{query} AND athlete_id = 7").fetchone()[0] == 500
    filled.close()


# What is judged.


@pytest.mark.parametrize(
    ("value", "more_is_better", "ok", "grade"),
    [
        (1.1, False, True, "as aimed for"),
        (1.5, False, True, "ok"),
        (1.51, False, False, "FAILED"),
        (1.49, True, False, "FAILED"),
        (1.5, True, True, "as aimed for"),
    ],
)
def test_a_figure_is_judged_by_what_it_must_be(
    tmp_path: Path, value: float, more_is_better: bool, ok: bool, grade: str
) -> None:
    verdict = Verdict("growth", value, must=1.5, aim=1.1, unit="times", more_is_better=more_is_better)
    file = tmp_path / "summary.json"

    write_summary(file, [verdict])

    (row,) = json.loads(file.read_text(encoding="utf-8"))
    assert {"name": "growth", "value": value, "must": 1.5, "aim": 1.1, "unit": "times", "ok": ok}.items() <= row.items()
    assert read_summary(file) == [verdict]
    assert verdict.grade.endswith(grade)


def test_the_table_says_which_musts_are_missed() -> None:
    good, bad = Verdict("memory", 80, 80, 45, "MB"), Verdict("speed", 0.6, 0.65, 0.85, "times", more_is_better=True)
    assert table([good, bad]).splitlines()[-2:] == ["1 of 2 musts are met.", "Missed: speed"]
    assert table([good]).splitlines()[-1] == "1 of 1 musts are met."


def test_ratios_compare_within_a_round_and_rounds_that_say_nothing_are_left_out() -> None:
    assert ratio([10, 20, 30], [10, 10, 0]) == Spread(1.25, 1.5, 1.75)
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile([5.0], 0.99) == 5.0


# The load.


def printed(*answers: tuple[float, float, int], **more: object) -> bytes:
    """What the load generator prints of requests: when each began, how long it took, its status."""
    tls = "TLSv1.3, TLS_AES_256_GCM_SHA384, EC of 256 bits"
    whole = {"tls": tls, "handshakes": len(answers), "resumed": 0, "seconds": 2.0, "answers": answers}
    return json.dumps({**whole, **more}).encode()


def test_answers_count_where_they_fall_and_late_ones_always() -> None:
    read = read_answers(
        # In the warm-up and late; answered after it; within; refused; without an answer; after the end.
        printed((0, 2.1, 200), (0.5, 1, 200), (1.5, 0.5, 200), (2, 0.1, 503), (2, 0.2, 0), (2.9, 0.3, 200)),
        warm_up=1.0,
        full_handshakes=True,
    )
    assert read == Answers(
        tls="TLSv1.3, TLS_AES_256_GCM_SHA384, EC of 256 bits", per_second=1.5, took=[0.5, 0.1, 0.2, 0.3], late=3
    )


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"tls": "TLSv1.2, X, EC of 256 bits"}, "not TLS 1.3"),
        ({"tls": "TLSv1.3, X, RSA of 2048 bits"}, "not TLS 1.3"),
        ({"resumed": 1}, "not full"),
        ({"handshakes": 0}, "not full"),
        ({"answers": [(0, 0.1, 503)]}, "None of 1"),
    ],
)
def test_a_load_that_is_not_the_one_that_was_asked_for_is_refused(more: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_answers(printed((0, 0.1, 200), **more), warm_up=0.0, full_handshakes=True)


def series(per_second: float, p99: float) -> connections.Series:
    return connections.Series(per_second=[per_second], p50=[p99 / 2], p99=[p99], worst=[p99], late=1, requests=9)


def test_the_listener_is_compared_with_each_rival_at_each_number_of_clients() -> None:
    measured = {
        name: {count: series(speed, time) for count in connections.CLIENTS}
        for name, speed, time in (
            (connections.INPUT, 800, 0.02),
            (connections.NGINX, 1_000, 0.01),
            (connections.OLDER, 500, 1.0),
        )
    }
    verdicts = connections.verdicts(measured)
    assert [round(one.value, 3) for one in verdicts] == [0.8] * 3 + [1.6] * 3 + [2.0] * 3
    assert all(one.ok for one in verdicts)
    assert not connections.late_verdict(connections.late(measured)).ok


# The page.

LOOKS = [
    "process 1:x;thread (7): listener;run (threading.py:1);next_request (strava_collector/http_request.py:9) 3",
    "thread (7): listener;next_request (strava_collector/http_request.py:12);decode (json/decoder.py:2) 1",
    "thread (8): dispatcher;dispatch (strava_collector/dispatcher.py:70) 4",
]


def test_a_profile_counts_looks_by_thread_and_by_function_of_ours() -> None:
    found = profile.read(LOOKS[1:], {7: 0.5, 9: 0.25}, per_second=100.0, seconds=1.0)
    assert found.threads == {"dispatcher": 4, "listener": 1}
    assert found.functions == {
        "dispatcher: dispatch (dispatcher.py)": 4,
        "listener: next_request (http_request.py)": 1,
    }
    assert found.processor == {"listener": 0.5, "others": 0.25}


@pytest.mark.parametrize("quick", [False, True])
def test_the_page_tells_every_figure_and_names_what_is_missed(quick: bool) -> None:
    raw_series = {name: {"16": dict(vars(series(1_234, 0.0567)))} for name in (connections.INPUT, connections.NGINX)}
    found = profile.read(LOOKS[1:], {7: 0.5}, per_second=100.0, seconds=1.0)
    raw: dict[str, Any] = {
        "machine": {
            **dict.fromkeys(("date", "processor", "system", "python", "openssl", "sqlite", "nginx", "uvicorn"), "x"),
            **dict.fromkeys(("cores", "memory_gb", "minutes", "load_before", "load_after"), 2),
            "quick": quick,
        },
        "connections": raw_series,
        "kept-alive": raw_series,
        "hostile": {way: {"took": [0.1, 0.2], "late": 0} for way in ("alone", "handshake", "head", "body")},
        "profile": profile.raw({"a load": found}),
        "startup": [0.5, 0.6],
        "memory": {"at_rest": 4e7, "connecting": 5e7, "connected": 5e7, "with_rows": 6e7, "rows": 1_000_000},
        "jobs": {
            source: {"per_second": {"bare": [10.0], "jobs": [5.0]}, "cpu_seconds": [0.01]}
            for source in ("as_it_is", "from_shelf")
        },
    }
    text = page([Verdict("speed", 0.6, 0.65, 0.85, "times", more_is_better=True)], raw)
    assert "| speed | 0.60 times | ≥ 0.65 | 0.85 | FAILED |" in text
    assert "\n- speed\n" in text
    assert "| nginx | 16 | 1,234 | 1,234–1,234 | 28.4 | 56.7 |" in text
    assert ("trial run" in text) is quick
    assert max(map(len, text.splitlines())) <= 140
