"""Strava's answers about push subscriptions: a list, one that was made, a refusal.

What a list or a new subscription says is taken whole or not at all; everything else becomes a sentence on one line,
bounded, without markup.
"""

from __future__ import annotations

from strava_collector.secret import Secret
from strava_collector.settings import Application
from strava_collector.subscription_answers import SubscriptionTrouble, created_in, is_gone, listed_in, trouble_of
from strava_collector.subscription_rules import Create, Keep, Known, Listed, Refuse, Replace, Wanted, decide
from strava_collector.transport import Answer
from tests.fuzz.answers import answer_of
from tests.fuzz.target import Target

_MARK = "MARKED-4e77"
_MINE = Application("club", "4711", Secret(_MARK))
_URL = "https://strava.example/club"
_LONGEST_SENTENCE = 1000


def _check(data: bytes) -> str:
    answer = answer_of(data)
    is_gone(answer)
    _check_trouble(answer)
    listed, made = listed_in(answer), created_in(answer, _URL)
    if listed is not None:
        assert [one.id for one in listed] == sorted(one.id for one in listed)
        for one in listed:
            _check_listed(one)
        _check_plans(listed)
        return "list"
    if made is not None:
        _check_listed(made)
        assert made.callback_url
        return "one"
    return "trouble"


def _check_listed(one: Listed) -> None:
    # As the store can hold it.
    assert type(one.id) is int and 0 < one.id < 2**63
    for text in (one.callback_url, one.created_at):
        text.encode()


def _check_plans(listed: tuple[Listed, ...]) -> None:
    for known in (Known(), Known(subscription_id=12, token_changed=True), Known(rival="https://else.example/")):
        for may_replace in (False, True):
            plan = decide(listed, Wanted(_URL, may_replace), known)
            assert isinstance(plan, (Keep, Create, Replace, Refuse))
            if isinstance(plan, Refuse):
                _check_sentence(plan.said)


def _check_sentence(sentence: str) -> None:
    assert sentence.isprintable() and len(sentence) < _LONGEST_SENTENCE, sentence
    assert "<" not in sentence and ">" not in sentence, sentence


def _check_trouble(answer: Answer) -> None:
    for looks in ("", "The callback URL answers."):
        trouble = trouble_of(
            answer,
            _MINE,
            to_do="list the application's subscription",
            callback_url=_URL,
            look_there=lambda looks=looks: looks,  # type: ignore[misc]  # a default is no argument of it
        )
        assert isinstance(trouble, SubscriptionTrouble)
        _check_sentence(str(trouble))
        assert _MARK not in str(trouble) + repr(trouble)


TARGET = Target(
    name="subscription",
    check=_check,
    ends=frozenset({"list", "one", "trouble"}),
    words=(
        *(b'"id": 1', b'"callback_url"', b'"created_at"', b'"errors"', b'"resource"', b'"field"', b'"code"'),
        *(b'"not verifiable"', b'"GET to callback URL does not return 200"', b'"already exists"', b'"callback url"'),
        *(
            b'"Application"',
            b'"client_id"',
            b'"invalid"',
            b"429",
            b"403",
            b"400",
            b"500",
            b"201",
            b'"PushSubscription"',
        ),
    ),
)
