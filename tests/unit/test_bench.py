"""The benchmark of the store measures what it says; its figures are not looked at here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import samples, store
from tests.bench.rows import NEW_IDS, activity_id, fill
from tests.bench.verdict import Verdict, write_summary
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


@pytest.mark.parametrize(
    ("value", "ok", "grade"), [(1.1, True, "as aimed for"), (1.5, True, "ok"), (1.51, False, "FAILED")]
)
def test_a_figure_is_judged_by_what_it_must_be(tmp_path: Path, value: float, ok: bool, grade: str) -> None:
    verdict = Verdict("growth", value, must=1.5, aim=1.1, unit="times the cost")

    write_summary(tmp_path / "summary.json", [verdict])

    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8")) == [
        {"name": "growth", "value": value, "must": 1.5, "aim": 1.1, "unit": "times the cost", "ok": ok}
    ]
    assert str(verdict).endswith(grade)
