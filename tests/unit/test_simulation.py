"""The simulation in its short form: a few days of a few athletes, and what it is built of."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import cast

import pytest

from sandbox.simulation.__main__ import main
from sandbox.simulation.case import DAY, HOUR, LIMITS, START, Case
from sandbox.simulation.gaps import Gap
from sandbox.simulation.habits import Deed
from sandbox.simulation.life import Life
from sandbox.simulation.oracle import Constraints, Wish, best_delay, merged
from sandbox.simulation.result import Result
from sandbox.simulation.run import run
from sandbox.simulation.shrink import shrink
from sandbox.simulation.table import table
from sandbox.simulation.timeline import Timeline
from sandbox.simulation.world import Change, Recorded

#: The quickest call of these tests, in seconds.
CALL = 1.0


@pytest.mark.parametrize("seed", [1, 2])
def test_a_few_days_lose_nothing_and_break_no_limit(seed: int) -> None:
    result = run(Case(seed=seed, days=3, athletes=25))

    assert result.violations == []
    assert result.figures["acknowledged"] > 20
    assert result.figures["fetches"] > 20
    assert result.details["happened"]["crashes"] > 0


def test_limits_that_are_too_small_are_kept_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "small", ((6, 24), (3, 12)))

    result = run(Case(seed=6, days=1, athletes=80, limits="small", faults=0.0))

    assert result.figures["delay worst, s"] > HOUR, "the limit of a day did not matter"
    assert result.violations == []
    assert result.figures["answers 429"] == 0


def test_the_same_case_gives_the_same_result() -> None:
    case = Case(seed=4, days=2, athletes=10)

    assert run(case) == run(case)


def test_nobody_is_faster_than_the_oracle() -> None:
    figures = run(Case(seed=6, days=3, athletes=15)).figures

    for name in ("median", "p95", "worst"):
        assert figures[f"best possible {name}, s"] <= figures[f"delay {name}, s"]


def test_half_of_the_athletes_do_what_they_did_among_all() -> None:
    small, large = (run(Case(seed=1, days=2, athletes=number, faults=0.0)) for number in (5, 10))

    assert 0 < small.figures["activities"] < large.figures["activities"]


def wishes(*times: float, activity: int = 0) -> list[Wish]:
    """Notifications at these seconds after the begin, each of another activity unless one is named."""
    return [Wish(activity or number, START + at, START + at, free=False) for number, at in enumerate(times, start=1)]


def best(asked: list[Wish], share: float = 1.0, *, reads: tuple[int, int] = (100, 1_000), closed: float = 0.0) -> float:
    constraints = Constraints(reads, [(START, START + closed)] if closed else [], CALL)
    return best_delay(asked, share, constraints)


def test_the_oracle_needs_one_call_for_one_wish() -> None:
    assert best(wishes(10.0)) == pytest.approx(CALL, abs=0.01)


def test_the_oracle_waits_for_the_next_quarter_hour_when_the_limit_is_used_up() -> None:
    assert best(wishes(10.0, 20.0, 30.0), reads=(2, 1_000)) == pytest.approx(870.0 + CALL, rel=0.01)


def test_the_oracle_waits_for_the_next_day_when_that_limit_is_used_up() -> None:
    assert best(wishes(0.0, 10.0), reads=(100, 1)) == pytest.approx(DAY - 10.0 + CALL, rel=0.01)


def test_the_oracle_gives_up_the_few_that_a_share_allows() -> None:
    assert best(wishes(10.0, 20.0, 30.0), 0.5, reads=(2, 1_000)) == pytest.approx(CALL, abs=0.01)


def test_one_fetch_of_the_oracle_serves_a_burst() -> None:
    burst = wishes(10.0, 11.0, 12.0, activity=7)

    # With one call in a quarter hour, the first of the three waits for the last.
    assert best(burst, reads=(1, 1_000)) == pytest.approx(2.0 + CALL, abs=0.1)


def test_the_oracle_waits_for_the_end_of_an_outage() -> None:
    assert best(wishes(10.0), closed=3_600.0) == pytest.approx(3_590.0 + CALL, rel=0.01)


def test_a_delete_costs_the_oracle_nothing() -> None:
    asked = [*wishes(10.0, 20.0), Wish(9, START + 15.0, START + 15.0, free=True)]

    assert best(asked, reads=(2, 1_000)) == pytest.approx(CALL, abs=0.01)


def test_overlapping_times_become_one() -> None:
    assert merged([(5.0, 8.0), (1.0, 3.0), (2.0, 4.0), (8.0, 9.0), (6.0, 6.0)]) == [(1.0, 4.0), (5.0, 9.0)]


def test_what_takes_time_lets_the_rest_of_the_agenda_go_on() -> None:
    timeline, seen = Timeline(100.0), list[str]()

    def call() -> None:
        seen.append("asked")
        timeline.run_until(timeline.now() + 5.0)
        seen.append(f"answered at {timeline.now():g}")

    timeline.at(101.0, call)
    timeline.at(103.0, lambda: seen.append("meanwhile"))
    timeline.at(107.0, lambda: seen.append("afterwards"))
    timeline.run_until(110.0)

    assert seen == ["asked", "meanwhile", "answered at 106", "afterwards"]
    assert timeline.now() == 110.0


def test_a_failing_case_is_made_as_small_as_it_still_fails() -> None:
    def fails_with_four_athletes_in_three_days(case: Case) -> Result:
        return Result(case, violations=["stale"] if case.athletes >= 4 and case.days >= 3 else [])

    found: list[Result] = []
    failing = fails_with_four_athletes_in_three_days(Case())
    smallest = shrink(failing, fails_with_four_athletes_in_three_days, found.append)

    assert smallest.case == Case(days=3, athletes=6, faults=0.0)
    assert found[-1] == smallest


def test_the_command_of_a_case_names_all_that_it_depends_on() -> None:
    case = Case(seed=7, days=3, athletes=6, limits="doubled", faults=0.5, history=40, lost=0.02)

    for value in dataclasses.astuple(case):
        assert str(value) in case.command


def test_the_command_prints_its_table_and_ends_with_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--seed", "1", "--days", "1", "--athletes", "5", "--faults", "0"])

    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert any(line.startswith("acknowledged lost ") for line in lines)
    assert lines[-1].startswith("simulation: ")
    assert lines[-1].endswith(" acknowledged, 0 lost, 0 stale, 0 answers 429")


def test_the_table_adds_up_and_takes_the_worst_delay() -> None:
    results = [
        Result(Case(), {"fetches": 2, "delay worst, s": 30.0}),
        Result(Case(), {"fetches": 3, "delay worst, s": 9e3}),
    ]

    assert table([("default limits", results)]).splitlines()[1:] == [
        "fetches                                5",
        "delay worst, s (largest)           2.5 h",
    ]


def test_a_history_is_collected_and_what_nobody_told_is_found() -> None:
    case = Case(seed=2, days=4, athletes=4, history=240, lost=0.1)
    result, without = run(case), run(dataclasses.replace(case, history=0))

    assert result.violations == []
    figures = result.figures
    assert figures["history: collected in full"] == 240
    assert figures["history: 99 % listed after, s"] < 60
    assert figures["lost, in the window"] > 0
    assert figures["lost, older"] > 0
    assert 0 < figures["lost, in the window: worst repair, s"] < 4.5 * HOUR
    assert result.details["happened"]["crashes"] > 0
    assert figures["differs, never announced"] == 0
    assert without.figures["differs, never announced"] > 0


def test_a_small_limit_is_shared_with_history_day_by_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "small", ((20, 200), (10, 100)))

    result = run(Case(seed=3, days=4, athletes=1, history=300, limits="small", faults=0.0))

    assert result.violations == []
    assert result.figures["history: days with work left, no outage"] >= 4
    assert result.figures["history: least of its share used, %"] >= 95
    assert result.figures["answers 429"] == 0


def test_a_gap_counts_until_the_index_shows_it_or_the_next_change() -> None:
    change = Change(100.0, Deed.EDIT, None, True)
    gap = Gap(cast("Recorded", None), change, in_window=True)

    assert gap.lasted(1_000.0, []) == 900.0
    gap.overtaken_at = 500.0
    assert gap.lasted(1_000.0, [(50.0, 150.0), (400.0, 2_000.0)]) == 250.0
    gap.closed_at = 130.0
    assert gap.lasted(1_000.0, []) == 30.0


def test_each_process_of_a_host_dies_alone() -> None:
    timeline, seen = Timeline(0.0), list[str]()
    one, other = (Life(timeline, partial(seen.append, f"{name} buried")) for name in ("one", "other"))

    def wait() -> None:
        seen.append("one waits")
        one.wait(10.0)
        seen.append("one goes on")

    one.at(1.0, wait)
    other.at(2.0, other.die)
    other.at(3.0, lambda: seen.append("other goes on"))
    timeline.run_until(20.0)
    assert seen == ["one waits", "other buried", "one goes on"]

    one.at(21.0, wait)
    one.at(22.0, one.die)
    timeline.run_until(40.0)
    assert seen[3:] == ["one waits", "one buried"]
