"""When a pair of files is loaded again, decided from looks alone."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from strava_collector.certificate_watch import Mark, RenewalWatch

OLD = Mark(device=1, inode=10, size=100, modified=1_000, changed=1_000)
NEW = Mark(device=1, inode=11, size=100, modified=2_000, changed=2_000)
NEWER = replace(NEW, inode=12)


def test_files_that_stay_as_they_are_are_not_loaded_again() -> None:
    watch = RenewalWatch((OLD, OLD))
    assert not any(watch.look((OLD, OLD)) for _ in range(100))
    assert watch.is_settled


def test_a_change_counts_when_it_stands_still() -> None:
    watch = RenewalWatch((OLD, OLD))
    assert not watch.look((NEW, NEW))
    assert not watch.is_settled
    assert watch.look((NEW, NEW))


def test_files_that_go_on_changing_are_left_alone() -> None:
    watch = RenewalWatch((OLD, OLD))
    growing = [replace(NEW, size=size, modified=size) for size in range(1, 20)]
    assert not any(watch.look((mark, OLD)) for mark in growing)
    assert watch.look((growing[-1], OLD))


def test_a_file_that_is_missing_for_a_moment_is_no_matter() -> None:
    watch = RenewalWatch((OLD, OLD))
    assert not watch.look((OLD, None))
    assert not watch.look((OLD, OLD))
    assert watch.is_settled
    assert not watch.look((OLD, OLD))


def test_what_could_not_be_used_is_tried_at_each_look() -> None:
    watch = RenewalWatch((OLD, OLD))
    watch.look((OLD, NEW))
    assert watch.look((OLD, NEW))
    watch.loaded((OLD, NEW), good=False)
    assert watch.look((OLD, NEW))
    watch.loaded((OLD, NEW), good=True)
    assert not watch.look((OLD, NEW))


def test_a_permission_that_was_given_is_a_change() -> None:
    watch = RenewalWatch((OLD, OLD))
    given_now = replace(OLD, changed=3_000)
    watch.look((OLD, given_now))
    assert watch.look((OLD, given_now))


_MARK = st.sampled_from([OLD, NEW, NEWER, None])


@given(st.lists(st.tuples(_MARK, _MARK, st.booleans()), max_size=30), st.tuples(_MARK, _MARK))
def test_whatever_happens_what_stands_still_at_last_is_loaded_within_two_looks(
    history: list[tuple[Mark | None, Mark | None, bool]], last: tuple[Mark | None, Mark | None]
) -> None:
    watch = RenewalWatch((OLD, OLD))
    held: tuple[Mark | None, Mark | None] = (OLD, OLD)
    for cert, key, good in history:
        if watch.look((cert, key)):
            watch.loaded((cert, key), good=good)
            held = (cert, key) if good else held
    for _ in range(2):
        if watch.look(last):
            watch.loaded(last, good=True)
            held = last
    assert held == last
    assert watch.is_settled
