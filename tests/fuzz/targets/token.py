"""Strava's answers to OAuth: to a code, to a refresh token, to giving a permission back.

Each brings tokens that fit into a header and into splunkd's store, or an error of the two that the callers know, with a
sentence. Neither shows a secret or anything of the answer, not even to somebody who prints the local variables.
"""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Callable

from strava_collector.clock import SystemClock
from strava_collector.errors import CollectorError
from strava_collector.oauth import Grant, OAuth, OAuthRefused, OAuthUnavailable, Tokens
from strava_collector.secret import Secret
from strava_collector.settings import Application
from strava_collector.transport import Answer
from tests.fuzz.answers import answer_of
from tests.fuzz.target import Target
from tests.support.scripted_transport import ScriptedTransport

_MARK = "MARKED-91c2"
_MINE = Application("club", "4711", Secret(f"{_MARK}-secret"))
_OLD = Tokens(Secret(f"{_MARK}-access"), Secret(f"{_MARK}-refresh"), 0)
#: From the least to the most that an answer may bring.
_ENDS = ("no input", "not now", "refused", "gone", "tokens", "tokens and athlete")
_TOKEN = re.compile(r"[!-~]{1,255}\Z")


def _check(data: bytes) -> str:
    if _MARK.encode() in data:
        return "no input"
    answer = answer_of(data)
    calls: tuple[Callable[[OAuth], object], ...] = (
        lambda client: client.exchange(_MINE, Secret(f"{_MARK}-code")),
        lambda client: client.refresh(_MINE, _OLD),
        lambda client: client.revoke(_MINE, _OLD.refresh_token),
    )
    return max((_ended(answer, call) for call in calls), key=_ENDS.index)


def _ended(answer: Answer, call: Callable[[OAuth], object]) -> str:
    client = OAuth(ScriptedTransport(answer), "https://strava.example/oauth", SystemClock())
    try:
        result = call(client)
    except (OAuthRefused, OAuthUnavailable) as error:
        _check_error(error)
        return "refused" if isinstance(error, OAuthRefused) else "not now"
    if isinstance(result, Grant):
        assert result.athlete_id > 0
        assert result.athlete_name.strip()
        result.athlete_name.encode()  # it becomes part of a row and of a URL
        _check_tokens(result.tokens)
        _check_hidden(repr(result), result.tokens)
        return "tokens and athlete"
    if isinstance(result, Tokens):
        _check_tokens(result)
        return "tokens"
    assert result is None
    return "gone"


def _check_error(error: CollectorError) -> None:
    assert str(error).endswith((".", ")."))
    assert str(error).isprintable()
    whole = traceback.TracebackException.from_exception(error, capture_locals=True, lookup_lines=False)
    shown = [value for frame in whole.stack for value in (frame.locals or {}).values()]
    assert any("Application(" in value for value in shown), "no variables are looked at"
    assert _MARK not in " ".join(shown) + repr(error), "a secret shows in a traceback"


def _check_tokens(tokens: Tokens) -> None:
    for token in (tokens.access_token, tokens.refresh_token):
        assert _TOKEN.match(token.reveal())
    assert tokens.expires_at > 0
    # As the store of tokens keeps them, and as their age is looked at.
    kept = json.loads(json.dumps([tokens.expires_at]))
    assert kept == [tokens.expires_at]
    assert isinstance(tokens.expires_at - 1_714_545_000.0 > 60.0, bool)
    _check_hidden(repr(tokens), tokens)


def _check_hidden(shown: str, tokens: Tokens) -> None:
    for token in (tokens.access_token.reveal(), tokens.refresh_token.reveal()):
        assert len(token) < 16 or token not in shown


TARGET = Target(
    name="token",
    check=_check,
    ends=frozenset(_ENDS[1:]),
    words=(
        *(b'"access_token": "a"', b'"refresh_token": "b"', b'"expires_at": 1714566600', b'"expires_in": 21600'),
        *(b'"athlete"', b'"firstname"', b'"lastname"', b'"errors"', b'"resource"', b'"field"', b'"code"', b'"invalid"'),
        *(b'"RefreshToken"', b'"Application"', b'"client_id"', b'"AuthorizationCode"', b'"Inactive"', b'"status"'),
    ),
)
