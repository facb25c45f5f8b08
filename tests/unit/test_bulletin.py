"""What a running input tells its user, and what a dead one had told."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from strava_collector.bulletin import TOPICS, Bulletin
from strava_collector.ports import ERROR
from tests.support.message_board import MessageBoard
from tests.support.waiting import until

SOURCES = sorted((Path(__file__).resolve().parents[2] / "package" / "bin" / "strava_collector").rglob("*.py"))


def topics(source: str) -> Iterator[str]:
    """The topics that a module reports to its bulletin, but for those of athletes."""
    tree = ast.parse(source)
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "report"
            and isinstance(node.func.value, ast.Attribute)
            and node.func.value.attr == "_bulletin"
        ):
            topic = node.args[0]
            if isinstance(topic, ast.Constant):
                yield str(topic.value)
            elif isinstance(topic, ast.Name):
                yield str(constants[topic.id])


def test_all_topics_are_known() -> None:
    reported = {topic for source in SOURCES for topic in topics(source.read_text("utf-8"))}
    assert {"listener", "renewal", "certificate", "subscription"} <= reported
    assert reported == set(TOPICS)


def test_what_a_killed_process_has_left_is_taken_back_at_the_start_whatever_it_was() -> None:
    board = MessageBoard()
    for topic in TOPICS:
        board.post(f"ta_strava_webhook_main_{topic}", "main: It was wrong.", ERROR)
    board.post("ta_strava_webhook_main_athlete_5", "main: Anna has to connect again.", ERROR)
    board.post("ta_strava_webhook_other_listener", "other: It is wrong.", ERROR)
    bulletin = Bulletin(board, "main")
    bulletin.start()
    bulletin.report("listener", "It is wrong.")
    until(lambda: board.shown.get("ta_strava_webhook_main_listener") == "main: It is wrong.")
    assert set(board.shown) == {
        "ta_strava_webhook_main_listener",
        "ta_strava_webhook_main_athlete_5",
        "ta_strava_webhook_other_listener",
    }
    bulletin.close(5.0)
