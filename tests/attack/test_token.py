"""Guessing what a stranger is not to know: the verify token, and the path of the callback URL."""

from __future__ import annotations

import random
import string
import sys
from types import FrameType
from typing import Any, Callable

import pytest

from strava_collector.callback import decide
from strava_collector.http_answer import Answer
from strava_collector.http_request import Head, Request
from strava_collector.secret import Secret
from tests.attack.conftest import Besiege
from tests.attack.victim import Victim
from tests.support.listening import request

PATH = "/strava/0123456789abcdef"
TOKEN = "0123456789abcdef"


def asked(path: str, token: str) -> Request:
    query = f"hub.mode=subscribe&hub.challenge=x&hub.verify_token={token}"
    return Request(Head("GET", path, query, keep_alive=True, length=0, expects_continue=False), b"")


def steps(action: Callable[[], object]) -> list[tuple[str, int]]:
    """Each line of Python that an action carries out: what its time depends on, without the noise of a clock."""
    taken: list[tuple[str, int]] = []

    def note(frame: FrameType, event: str, _detail: object) -> Any:
        taken.append((frame.f_code.co_name, frame.f_lineno))
        return note

    before = sys.gettrace()
    sys.settrace(note)
    try:
        action()
    finally:
        sys.settrace(before)
    return taken


def guesses(secret: str) -> list[str]:
    """Wrong from the first, the second … the last character on."""
    return [secret[:right] + "X" * (len(secret) - right) for right in range(len(secret))]


def test_a_guess_of_the_token_costs_the_same_however_much_of_it_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    real = sys.modules["strava_collector.secret"].hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return bool(real(one, other))

    def answer(guess: str) -> object:
        return decide(asked(PATH, guess), callback_path=PATH, verify_token=Secret(TOKEN))

    monkeypatch.setattr("strava_collector.secret.hmac.compare_digest", compare)
    work = [steps(lambda guess=guess: answer(guess)) for guess in guesses(TOKEN)]  # type: ignore[misc]
    assert all(one == work[0] for one in work)
    # And the one step that looks at both looks at the whole of both, in constant time.
    whole = [(TOKEN.encode(), guess.encode()) for guess in guesses(TOKEN)]
    assert [pair for pair in compared if pair[0] == TOKEN.encode()] == whole


def test_a_guess_of_the_path_costs_the_same_however_much_of_it_is_right() -> None:
    def answer(guess: str) -> object:
        return decide(asked(guess, TOKEN), callback_path=PATH, verify_token=Secret(TOKEN))

    work = [steps(lambda guess=guess: answer(guess)) for guess in guesses(PATH)[1:]]  # type: ignore[misc]
    assert all(one == work[0] for one in work)
    refused = [answer(guess) for guess in guesses(PATH)[1:]]
    assert all(isinstance(one, Answer) and one.status == 404 for one in refused)


def test_guessing_the_token_on_and_on(victim: Victim, besiege: Besiege) -> None:
    chance = random.Random(1)
    number = 0
    with besiege() as siege, victim.connect() as client:
        while siege.goes_on or number < siege.extent.requests:
            guess = "".join(chance.choices(string.ascii_letters, k=len(victim.input.verify_token)))
            query = f"hub.mode=subscribe&hub.challenge=x&hub.verify_token={guess}"
            answer = client.ask(request("GET", f"{victim.path}?{query}"))
            assert (answer.status, answer.json()) == (403, {"detail": "Invalid verify token"})
            assert guess not in victim.log() if number % 500 == 0 else True
            number += 1
        siege.got = f"{number} × 403"
    lines = [line for line in victim.log().splitlines() if "kind=verify_token" in line]
    # Three a minute and their summary.
    assert len(lines) <= 4 * (2 + number // 1_000)


def test_guessing_the_path_on_and_on(victim: Victim, besiege: Besiege) -> None:
    number = 0
    with besiege() as siege, victim.connect() as client:
        while siege.goes_on or number < siege.extent.requests:
            answer = client.ask(request("POST", f"{victim.path[:-1]}{number}", victim.notification()))
            assert (answer.status, answer.json()) == (404, {"detail": "Not found"})
            number += 1
        siege.got = f"{number} × 404"
