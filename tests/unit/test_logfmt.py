"""Log lines that nothing in a value can break or forge."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from strava_collector.logfmt import MAX_VALUE, line


def test_values_that_need_no_quotes_have_none() -> None:
    assert (
        line("indexed", activity_id=7, seconds=0.5, ok=True, why=None)
        == "action=indexed activity_id=7 seconds=0.500 ok=true"
    )


def test_a_value_cannot_end_its_line_or_pose_as_another_field() -> None:
    text = line("recorded", title='x" action=forged\r\n2026 \x1b[31m\u2028')
    assert text == 'action=recorded title="x\\" action=forged\\r\\n2026 \\x1b[31m\\u2028"'


@given(st.text(st.characters(exclude_categories=())))
def test_any_value_gives_one_printable_line_of_bounded_length(value: str) -> None:
    text = line("x", value=value)
    assert text.isprintable()
    assert len(text) < MAX_VALUE * 10 + 40
