"""A secret shows itself to nobody who does not ask."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from strava_collector.secret import Secret


@dataclass(frozen=True)
class Holder:
    token: Secret


def test_no_way_of_printing_shows_the_value() -> None:
    secret = Secret("marked-4711")
    shown = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r:>30}",
        str(Holder(secret)),
        f"{Holder(secret)}",
    ]
    try:
        raise ValueError(secret)
    except ValueError:
        shown.append(traceback.format_exc())
    assert not [text for text in shown if "4711" in text]
    assert secret.reveal() == "marked-4711"


def test_comparing_takes_any_characters() -> None:
    assert Secret("tökén").matches("tökén")
    assert not Secret("token").matches("tök\ud800")
    assert Secret("a") == Secret("a") != Secret("b")
    assert not Secret("")
