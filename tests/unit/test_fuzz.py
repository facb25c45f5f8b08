"""The short form of ``make fuzz``: every target over its corpus and some mutations of it, the same ones each time."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.fuzz.catalogue import NAMES, load
from tests.fuzz.mutation import Mutator
from tests.fuzz.target import CORPUS, Target
from tests.fuzz.unguided import Finding, fuzz

RUNS = 1_200
MOST_IN_CORPUS = 40_000


@pytest.mark.parametrize("name", NAMES)
def test_what_must_hold_holds_for_the_corpus_which_has_every_end(name: str) -> None:
    target = load(name)
    assert {target.check(data) for data in target.seeds().values()} == target.ends


@pytest.mark.parametrize("name", NAMES)
def test_what_must_hold_holds_for_mutations(name: str) -> None:
    ends = fuzz(load(name), seed=1, runs=RUNS)
    assert sum(ends.values()) == RUNS
    assert ends.keys() <= load(name).ends
    assert len(ends) > 1, "no mutation reaches anything"


def test_every_target_has_a_corpus_and_every_corpus_a_target() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(NAMES)
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < MOST_IN_CORPUS


def test_a_broken_property_is_a_finding_with_its_input(tmp_path: Path) -> None:
    def check(data: bytes) -> str:
        assert b"\xff" not in data
        return "fine"

    target = Target("request_head", check, frozenset({"fine"}), words=(b"\xff",))
    with pytest.raises(Finding) as caught:
        fuzz(target, seed=1, runs=10_000)
    assert b"\xff" in caught.value.data
    assert isinstance(caught.value.__cause__, AssertionError)


def test_the_same_seed_makes_the_same_inputs_and_another_one_others() -> None:
    seen: list[bytes] = []
    target = Target("streams", lambda data: seen.append(data) or "seen", frozenset())  # type: ignore[func-returns-value]  # None
    for seed in (1, 1, 2):
        fuzz(target, seed=seed, runs=50)
    assert seen[:50] == seen[50:100] != seen[100:]


def test_json_is_changed_as_a_tree_and_stays_json_behind_a_head_too() -> None:
    rng = random.Random(1)
    mutator = Mutator(rng, (b"word",), 4096)
    bodies = [mutator.mutate(b'200\n\n{"a": [1, {"b": "c"}]}').partition(b"\n\n")[2] for _ in range(400)]

    def is_json(body: bytes) -> bool:
        try:
            json.loads(body)
        except ValueError:
            return False
        return True

    assert sum(map(is_json, bodies)) > 200
    assert len(set(bodies)) > 200
