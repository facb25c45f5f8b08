"""Secrets in texts that come from elsewhere."""

from __future__ import annotations

import json
import logging

from strava_collector.logfmt import line
from strava_collector.redaction import MOST_VALUES, RedactingFormatter, Redaction
from strava_collector.secret import Secret


def test_a_registered_secret_is_masked_also_as_it_stands_in_an_address() -> None:
    redaction = Redaction()
    redaction.register(Secret("a+b/c d=ef"))

    text = redaction.mask("plain a+b/c d=ef, quoted a%2Bb%2Fc%20d%3Def, form a%2Bb%2Fc+d%3Def.")

    assert text == "plain ***, quoted ***, form ***."


def test_a_registered_secret_is_masked_also_as_it_stands_in_a_value_of_the_log_or_in_json() -> None:
    redaction = Redaction()
    redaction.register(Secret('with"quote\\and more'), Secret("mit-Schlüssel"))

    assert redaction.mask(line("failed", error='said with"quote\\and more')) == 'action=failed error="said ***"'
    assert redaction.mask(json.dumps(['with"quote\\and more', "mit-Schlüssel"])) == '["***", "***"]'


def test_a_secret_inside_another_leaves_no_rest() -> None:
    redaction = Redaction()
    redaction.register(Secret("secret"), Secret("my-secret-token"))

    assert redaction.mask("my-secret-token") == "***"


def test_a_secret_that_is_learned_later_is_masked_from_then_on() -> None:
    redaction = Redaction()
    redaction.register(Secret("secret"))
    assert redaction.mask("secret my-secret-token") == "*** my-***-token"

    redaction.register(Secret("my-secret-token"))

    assert redaction.mask("secret my-secret-token") == "*** ***"


def test_a_value_too_short_to_be_a_secret_is_left_alone() -> None:
    redaction = Redaction()
    redaction.register(Secret("abc"), Secret(""))

    assert redaction.mask("abc") == "abc"


def test_the_newest_secrets_are_remembered() -> None:
    redaction = Redaction()
    for number in range(MOST_VALUES + 1):
        redaction.register(Secret(f"secret-{number:05}"))

    assert redaction.mask(f"secret-{MOST_VALUES:05}") == "***"
    assert redaction.mask("secret-00000") == "secret-00000"


def test_tracebacks_are_masked_too() -> None:
    redaction = Redaction()
    redaction.register(Secret("s3cret-value"))
    formatter = RedactingFormatter(logging.Formatter("%(message)s"), redaction)
    try:
        raise ValueError("with s3cret-value inside")
    except ValueError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, "x.py", 1, "failed", None, (ValueError, error, error.__traceback__)
        )

    text = formatter.format(record)

    assert "s3cret-value" not in text
    assert "ValueError: with *** inside" in text
