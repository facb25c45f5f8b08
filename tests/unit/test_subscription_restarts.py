"""A subscription outlives the processes that keep it: restarts, crashes at every step, and its removal at the end."""

from __future__ import annotations

import pytest

from strava_collector.errors import StoreUnavailable
from strava_collector.secret import Secret
from strava_collector.store import leases
from strava_collector.subscription_left import left_message
from strava_collector.subscription_rules import State
from tests.support.keeping import HOUR, OTHER_URL, URL, Keeping, kept

# A process that is started again.


def test_a_process_that_is_started_again_does_not_ask(k: Keeping) -> None:
    kept(k)
    k.run(HOUR / 2, restart=k.begin)
    assert k.transport.methods == ["GET", "POST"]


def test_the_pause_after_failures_survives_restarts(k: Keeping) -> None:
    k.door.status = None
    k.run(4 * HOUR, restart=k.begin)
    begin = k.transport.times[0]
    assert [round((at - begin) / 60) for at in k.transport.times] == [0, 0, 2, 6, 14, 30, 62, 122, 182]


def test_trouble_is_told_again_by_the_next_process(k: Keeping) -> None:
    k.door.status = None
    k.keep()
    said = k.problem()
    k.begin()
    k.keep()
    assert k.problem() == said


def test_a_crash_between_deleting_and_creating_leaves_the_creating_to_the_next_process(k: Keeping) -> None:
    before = kept(k)
    k.begin(verify_token=Secret("another-4711"))
    k.door.verify_token = "another-4711"
    outage = k.strava.faults.outage("reset", method="POST", path="/api/v3/push_subscriptions")
    k.keep()
    assert k.there() is None
    outage.end()
    k.begin()
    k.run(180.0)
    assert k.there() is not None
    assert k.found().id != before
    assert k.state() is State.KEPT


class Killed(BaseException):
    """The process ends here."""


def dies_before(k: Keeping, method: str) -> None:
    """Let the input's process die when it is about to make this call, and another one begin."""

    def die() -> None:
        if k.transport.methods[-1] == method:
            raise Killed
        k.transport.before = die

    k.transport.before = die
    with pytest.raises(Killed):
        k.keep()
    k.transport.before = None
    k.begin()


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_a_process_that_dies_during_a_look_leaves_no_gap_and_no_lie(k: Keeping, method: str) -> None:
    before = kept(k)
    k.begin(verify_token=Secret("another-4711"))
    k.door.verify_token = "another-4711"
    dies_before(k, method)
    watch = k.watch()
    assert watch.state is State.WAITING
    assert "leads to this input" not in watch.said
    assert watch.next_at <= k.clock.now()
    k.keep()
    assert k.found().id != before
    assert (k.state(), k.watch().failures) == (State.KEPT, 0)


def test_processes_that_die_during_each_look_ask_less_and_less_often(k: Keeping) -> None:
    kept(k)
    k.begin(verify_token=Secret("another-4711"))
    k.door.verify_token = "another-4711"
    begin = k.clock.now()
    times: list[int] = []
    for _ in range(120):
        if k.watch().next_at <= k.clock.now() or not times:
            dies_before(k, "GET")
            times.append(round((k.clock.now() - begin) / 60))
        k.clock.advance(60.0)
    assert times == [0, 1, 3, 7, 15, 31, 63]


def test_a_store_that_is_locked_when_the_new_one_is_there_is_made_up_for(k: Keeping) -> None:
    kept(k)
    k.begin(verify_token=Secret("another-4711"))
    k.door.verify_token = "another-4711"

    def die() -> None:
        if k.transport.methods[-1] == "POST":
            k.strava.subscriptions.add(k.registered, URL)
            raise StoreUnavailable("The store stayed locked.")
        k.transport.before = die

    k.transport.before = die
    with pytest.raises(StoreUnavailable):
        k.keep()
    assert (k.state(), k.watch().subscription_id) == (State.WAITING, None)
    k.keep()
    assert (k.state(), k.watch().subscription_id) == (State.KEPT, k.found().id)


def test_what_a_dead_process_was_just_looking_at_is_not_waited_for(k: Keeping) -> None:
    name = f"keeping the subscription of {k.application.client_id}"
    with k.database.write() as tx:
        leases.acquire(tx, name=name, holder="subscription keeper of club 1234", now=k.clock.now(), seconds=300.0)
    with k.database.write() as tx:
        k.keeper.take_over(tx)
    kept(k)


# Its end.


def test_it_is_removed_when_the_input_is_switched_off(k: Keeping) -> None:
    kept(k)
    assert k.remove() is None
    assert k.there() is None
    k.run(2 * HOUR)
    assert k.there() is None
    k.begin()
    kept(k)


def test_one_that_is_gone_already_counts_as_removed(k: Keeping) -> None:
    kept(k)
    k.strava.subscriptions.remove(k.registered)
    assert k.remove() is None


def test_a_foreign_one_is_not_removed(k: Keeping) -> None:
    foreign = k.strava.subscriptions.add(k.registered, OTHER_URL)
    k.keep()
    assert k.remove() is None
    assert k.there() == foreign


def test_a_removal_that_strava_does_not_carry_out_says_why(k: Keeping) -> None:
    kept(k)
    with k.strava.faults.outage(503):
        why = k.remove()
    assert why is not None
    assert "503" in why
    assert k.watch().subscription_id is not None
    # The command in the message is one to be copied.
    told = left_message(why, "Club", k.keeper.kept)
    assert f"“strava_admin.py subscriptions delete {k.watch().subscription_id}”." in told
    assert why in told


def test_a_process_that_has_just_begun_knows_the_number_of_what_it_could_not_remove(k: Keeping) -> None:
    kept(k)
    k.begin()
    with k.strava.faults.outage(503):
        assert k.remove() is not None
    assert k.keeper.kept == k.watch().subscription_id


def test_of_one_whose_number_nobody_knows_it_is_said_where_it_stands() -> None:
    told = left_message("There was no connection.", "Club", None)
    assert "“strava_admin.py subscriptions list” shows its number" in told


def test_an_input_that_is_about_to_end_begins_nothing(k: Keeping) -> None:
    k.is_stopping = True
    k.run(HOUR)
    assert k.transport.requests == []


def test_an_input_that_ends_during_a_look_deletes_and_creates_nothing(k: Keeping) -> None:
    k.transport.before = lambda: setattr(k, "is_stopping", True)
    k.keep()
    assert k.transport.methods == ["GET"]
    k.is_stopping = False
    k.begin()
    kept(k)
