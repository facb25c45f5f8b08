"""The short version of ``make chaos``, and the plans of the long one."""

from __future__ import annotations

from collections import Counter

import pytest

from sandbox.chaos.extent import FAULTS, FULL, SHORT, Extent
from sandbox.chaos.plan import LEAVER, Deed, Woe, plan
from sandbox.chaos.run import LIMITS, SETTINGS, Chaos
from tests.integration.conftest import MakeSandbox


def test_nothing_acknowledged_is_lost_while_everything_fails_that_can(
    make_sandbox: MakeSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = make_sandbox(advanced=SETTINGS, limits=LIMITS, retry_pause=SHORT.retry_pause)
    said: list[str] = []
    status = Chaos(sandbox, SHORT, 1, said.append).run()
    assert status == 0, "\n".join(said)
    with capsys.disabled():
        print(f"\n{said[-1]}\n")


def test_the_same_seed_gives_the_same_plan_and_another_one_another() -> None:
    assert plan(7, FULL) == plan(7, FULL)
    assert plan(7, FULL).fingerprint != plan(8, FULL).fingerprint


@pytest.mark.parametrize("wanted", [FULL, SHORT], ids=["full", "short"])
@pytest.mark.parametrize("seed", range(5))
def test_a_plan_has_everything_that_it_promises(wanted: Extent, seed: int) -> None:
    made = plan(seed, wanted)
    deeds = Counter(step.deed for step in made.steps)
    assert sum(deeds.values()) - deeds[Deed.REPEAT] == wanted.notifications
    assert set(deeds) == set(Deed)
    assert deeds[Deed.DEAUTHORIZE] == 1
    woes = Counter(trouble.woe for trouble in made.troubles)
    # The kills that belong to the scarce disk and to the outage are not listed apart.
    assert woes[Woe.KILL] == wanted.kills - 2 - wanted.start_in_outage
    assert all(woes[woe] == 1 for woe in Woe if woe not in (Woe.KILL, Woe.EXPIRY))
    assert {strike.kind for strike in made.strikes} >= set(FAULTS)
    after = next(number for number, step in enumerate(made.steps) if step.deed is Deed.DEAUTHORIZE)
    assert not any(step.athlete == LEAVER and step.deed is not Deed.STRANGER for step in made.steps[after + 1 :])
