"""The digest by which a changed verify token is noticed."""

from __future__ import annotations

import pytest

from strava_collector.secret import Secret
from strava_collector.token_digest import digest, is_digest_of

TOKEN = Secret("verify-4711")


def test_a_digest_is_of_its_secret_and_of_no_other() -> None:
    made = digest(TOKEN)
    assert is_digest_of(made, TOKEN)
    assert not is_digest_of(made, Secret("verify-4712"))


def test_the_secret_is_not_in_it_and_two_of_the_same_differ() -> None:
    made = digest(TOKEN)
    assert "verify" not in made
    assert made != digest(TOKEN)


@pytest.mark.parametrize("text", ["", "x", "$", "1$", "1$zz$aa", "-1$00$aa", "0$00$aa", "9" * 30 + "$00$aa", "1$é$"])
def test_what_is_no_digest_is_of_nothing(text: str) -> None:
    assert not is_digest_of(text, TOKEN)
