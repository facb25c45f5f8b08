"""The groups, verbs and options of the command line, made of the tables of ``admin_arguments``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from strava_collector.admin_arguments import JOBS, SUBSCRIPTIONS, Argument

#: Arguments that are given by their place.
_BY_PLACE = ("id", "activity_id")

_ABOUT = {
    "list": "the newest jobs",
    "dead_letters": "jobs and notifications that failed for good",
    "counts": "how many jobs of each status, reason and outcome there are, and notifications of each state",
    "show": "one job with its trail",
    "fetch": "fetch an activity",
    "retry": "try again what failed for good",
    "reclaim": "let jobs wait again whose process is gone or whose lease has run out",
    "replay": "repeat what was finished since a time, because splunkd or an index has lost it",
    "reindex": "collect again what is collected, within the share of history",
    "delete": "delete jobs that have ended; what is collected stays known",
}

_ABOUT_SUBSCRIPTIONS = {
    "list": "the subscriptions that the applications have at Strava",
    "create": "create the subscription of an input, which has to be listening",
    "delete": "delete one subscription, or all of them",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser; what it cannot understand ends the process with 2."""
    whole = argparse.ArgumentParser(
        prog="strava_admin.py",
        description="Jobs, history, subscriptions and set-up check of the Webhook Add-on for Strava.",
        epilog="Exit codes: 0 fine; 1 the check found a fault, there is nothing such, or it was refused; "
        "2 wrong usage; 3 it could not be done.",
        allow_abbrev=False,
    )
    groups = whole.add_subparsers(dest="group", required=True, metavar="GROUP")
    verbs = _group(groups, "jobs", "what is to be fetched, and what became of it; asks nobody but the store")
    for verb, arguments in JOBS.items():
        leaf = _leaf(verbs, verb.replace("_", "-"), _ABOUT[verb])
        for argument in arguments:
            _add(leaf, argument, needed=verb in ("show", "fetch"))
    _leaf(groups, "history", "how far the history of each athlete has come; asks nobody but the store")
    verbs = _group(groups, "subscriptions", "the subscriptions at Strava; logs in to splunkd")
    for verb, about in _ABOUT_SUBSCRIPTIONS.items():
        leaf = _leaf(verbs, verb, about)
        for argument in SUBSCRIPTIONS[verb]:
            _add(leaf, argument, needed=False, required=verb == "create")
        if verb == "delete":
            leaf.add_argument("--all", action="store_true", help="delete all of them")
            (application,) = SUBSCRIPTIONS["delete_all"]
            _add(leaf, replace(application, help=f"with --all: {application.help}"), needed=False)
        _add_log_in(leaf)
    _add_log_in(_leaf(groups, "check", "the set-up check: is everything as it should be? Logs in to splunkd"))
    return whole


def _group(groups: Any, name: str, about: str) -> Any:
    group = groups.add_parser(name, help=about, description=_sentence(about), allow_abbrev=False)
    return group.add_subparsers(dest="verb", required=True, metavar="VERB")


def _leaf(verbs: Any, name: str, about: str) -> argparse.ArgumentParser:
    leaf: argparse.ArgumentParser = verbs.add_parser(name, help=about, description=_sentence(about), allow_abbrev=False)
    leaf.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return leaf


def _add(leaf: argparse.ArgumentParser, argument: Argument, *, needed: bool, required: bool = False) -> None:
    option = "--" + argument.name.replace("_", "-")
    if argument.flag:
        leaf.add_argument(option, action="store_true", help=argument.help)
    elif argument.name in _BY_PLACE:
        leaf.add_argument(argument.name, nargs=None if needed else "?", help=argument.help)
    else:
        leaf.add_argument(option, required=required, help=argument.help)


def _add_log_in(leaf: argparse.ArgumentParser) -> None:
    leaf.add_argument("--splunkd", default="https://127.0.0.1:8089", help="its address; default %(default)s")
    leaf.add_argument(
        "--user",
        default="admin",
        help="who logs in; default %(default)s. The password is asked for, or read from standard input",
    )


def _sentence(about: str) -> str:
    return f"{about[:1].upper()}{about[1:]}."
