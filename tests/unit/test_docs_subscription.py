"""``docs/subscription.md`` has the states that the table of inputs shows, and quotes what people read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from strava_collector import input_table, subscription, subscription_calls, subscription_look
from strava_collector.secret import Secret
from strava_collector.settings import Application
from strava_collector.store.subscriptions import MOST_CALLS
from strava_collector.subscription_answers import trouble_of
from strava_collector.subscription_rules import Known, Listed, Refuse, State, Wanted, decide
from strava_collector.transport import Answer
from tests.support.scripted_transport import answer, refusal

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "subscription.md").read_text("utf-8")
ROWS = {
    cells[0].strip(): cells[1]
    for cells in (line.strip("|").split("|") for line in PAGE.partition("| State |")[2].splitlines()[2:])
    if len(cells) == 3
}
APPLICATION = Application("Club", "4711", Secret("secret"))
URL = "https://rides.example.com/strava"

ANSWERS = {
    State.NOT_VERIFIABLE: refusal("PushSubscription", "callback url", "not verifiable", 400),
    State.NOT_200: refusal("PushSubscription", "callback url", "GET to callback URL does not return 200", 400),
    State.EXISTS: refusal("PushSubscription", "", "already exists", 400),
    State.URL_REFUSED: refusal("PushSubscription", "callback url", "too long", 400),
    State.CLIENT_ID: refusal("Application", "client_id", "invalid", 400),
    State.CLIENT_SECRET: refusal("Application", "", "invalid", 401),
    State.INACTIVE: refusal("Application", "Status", "Inactive", 403),
    State.LIMITED: answer({"message": "Rate Limit Exceeded", "errors": "exceeded"}, 429),
    State.OUTAGE: answer(b"<html>", 503),
    State.REFUSED: refusal("PushSubscription", "verify token", "invalid", 400),
}


def read(state: State) -> str:
    """What people read in this state."""
    wanted = Wanted(URL, may_replace=True)
    foreign = Listed(1, "https://elsewhere.example.org/")
    if state in ANSWERS:
        found = trouble_of(ANSWERS[state], APPLICATION, to_do="list the subscription", callback_url=URL)
        assert found.state is state
        return str(found) + (str(of_something_else()) if state is State.OUTAGE else "")
    if state in (State.FOREIGN, State.CONTESTED):
        known = Known(rival=foreign.callback_url)
        plan = decide([foreign], Wanted(URL) if state is State.FOREIGN else wanted, known)
        assert isinstance(plan, Refuse)
        assert plan.state is state
        return plan.said
    sources = {
        State.BY_HAND: (subscription,),
        State.WAITING: (input_table, subscription_calls),
        State.KEPT: (subscription_look,),
    }[state]
    texts = (Path(str(module.__file__)).read_text("utf-8") for module in sources)
    return re.sub(r'"\s*f?"', "", " ".join(texts)).replace("{most}", str(MOST_CALLS))


def of_something_else() -> object:
    page: Answer = answer(b"<html>", 200)
    return trouble_of(page, APPLICATION, to_do="list the subscription")


def test_the_states_are_those_of_the_code() -> None:
    assert list(ROWS) == [*(state.value for state in State), input_table.UNKNOWN]


@pytest.mark.parametrize("state", [state for state in State if state is not State.UNREACHABLE])
def test_what_people_read_is_quoted_as_it_is(state: State) -> None:
    quoted = re.findall("“([^”]+)”", ROWS[state.value])
    assert quoted
    for quote in quoted:
        assert quote.rstrip("… ") in read(state)


def test_what_people_read_while_nothing_can_be_seen_is_quoted_as_it_is() -> None:
    (said,) = re.findall("“([^”]+)”", ROWS[input_table.UNKNOWN])
    assert input_table.columns("club", {}, None)[input_table.SUBSCRIPTION_HELP].startswith(said.rstrip("…"))


def test_the_most_calls_an_hour_are_those_of_the_code() -> None:
    assert f"most {MOST_CALLS} calls" in re.sub(r"\s+", " ", PAGE)
