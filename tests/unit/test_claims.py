"""Whose jobs an input claims, and down to which priority."""

from __future__ import annotations

from dataclasses import replace

from strava_collector.claims import Claims
from strava_collector.ownership import Owned
from strava_collector.settings import ActivitiesInput, EnabledActivities, EnabledInput, Settings
from tests.support.collecting import ANNA, APPLICATION, BEN, INPUT, Collect, athletes
from tests.support.store import join

HISTORY = ActivitiesInput("history", "strava", "App", athletes=frozenset({"athlete-134815"}))
SETTINGS = Settings(
    applications={"App": APPLICATION},
    athletes={athlete.athlete_id: athlete for athlete in athletes(ANNA, BEN)},
    enabled_activities=(EnabledActivities("history", "App", athletes=HISTORY.athletes),),
)
WITH_WEBHOOK = replace(SETTINGS, enabled_inputs=(EnabledInput("club", "App", "8443"),))


def test_an_input_that_lists_owns_whom_it_lists_as_long_as_no_webhook_does() -> None:
    owned = Owned(HISTORY)
    assert owned.ids(SETTINGS) == {ANNA}
    assert owned.ids(WITH_WEBHOOK) == frozenset()
    assert owned.ids(SETTINGS) == {ANNA}


def test_a_webhook_owns_all_of_its_application_even_if_nobody_tells_which_inputs_run() -> None:
    assert Owned(INPUT).ids(SETTINGS) == {ANNA, BEN}
    assert Owned(replace(INPUT, application="Other")).ids(WITH_WEBHOOK) == frozenset()


def test_only_the_owner_claims(collect: Collect) -> None:
    c = collect()
    claims = Claims(HISTORY, database=c.database, allowance=c.pipeline.allowance, clock=c.clock)
    with c.database.write() as tx:
        for activity, athlete_id in enumerate((ANNA, BEN)):
            join(tx, activity, athlete_id=athlete_id, input=HISTORY.name, due_at=c.clock.now(), now=c.clock.now())
    assert claims.next_due(WITH_WEBHOOK, c.connection) is None
    assert claims.claim(WITH_WEBHOOK, c.connection) is None
    assert claims.next_due(SETTINGS, c.connection) == c.clock.now()
    assignment = claims.claim(SETTINGS, c.connection)
    assert assignment is not None
    assert assignment.job.athlete_id == ANNA
    assert claims.claim(SETTINGS, c.connection) is None
