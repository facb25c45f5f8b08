"""What the command line ``strava_admin.py`` understands, does and prints.

``jobs`` and ``history`` work on the store itself, whether splunkd runs or not. ``subscriptions`` and ``check`` log in
to splunkd and ask the add-on's REST endpoints, because only splunkd gives out secrets. Exit codes: 0 fine; 1 the check
found a fault, there is nothing such, or it was refused; 2 wrong usage; 3 it could not be done.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, Union

import import_declare_test  # noqa: F401  (puts the add-on's lib folder on the path; must come before the others)

from strava_admin_session import Address, EndpointRefused, Session
from strava_admin_terminal import complain, flush, password, prepare, write
from strava_collector.admin import jobs
from strava_collector.admin_arguments import JOBS, SUBSCRIPTIONS, Argument, WrongArgument, subscription_order
from strava_collector.admin_desk import Desk, NothingSuch, Refused
from strava_collector.admin_history import history
from strava_collector.admin_options import parser
from strava_collector.admin_table import COLUMNS, harmless, sheet, table
from strava_collector.clock import SystemClock
from strava_collector.errors import CollectorError, raised_at
from strava_collector.log import log_to_handler_file
from strava_collector.redaction import Redaction
from strava_collector.secret import Secret
from strava_collector.store_folder import of_environment

FINE, REFUSED, USAGE, FAILED = 0, 1, 2, 3


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments say; return the exit code. Whatever goes wrong is a sentence."""
    prepare()
    try:
        chosen = _understood(arguments)
        return chosen if isinstance(chosen, int) else _GROUPS[chosen.group](chosen)
    except WrongArgument as error:
        return _complain(error, USAGE)
    except (NothingSuch, Refused) as error:
        return _complain(error, REFUSED)
    except EndpointRefused as error:
        return _complain(error, FAILED if error.status >= 500 else REFUSED)
    except CollectorError as error:
        return _complain(error, FAILED)
    except KeyboardInterrupt:
        return _complain("Interrupted; what was done until now is done.", FAILED)
    except Exception as error:
        # Only what it is and where: its text may quote anything, the password too.
        return _complain(
            f"The command failed in a way that nobody foresaw ({type(error).__name__} at {raised_at(error)}). Please "
            "report that, with these words.",
            FAILED,
        )


def _understood(arguments: Sequence[str]) -> Union[argparse.Namespace, int]:
    """What the arguments say, or the exit code if argparse has said all there is to say."""
    try:
        return parser().parse_args(arguments)
    except SystemExit as end:
        flush()
        return int(end.code or 0)


def _store() -> Union[Path, int]:
    """The store's folder, or the exit code if this user must not look into it."""
    folder = of_environment(os.environ)
    if folder is None:
        return _complain("Neither SPLUNK_DB nor SPLUNK_HOME is set. Run this by: splunk cmd python.", FAILED)
    stranger = _stranger(folder)
    return folder if stranger is None else _complain(stranger, REFUSED)


def _jobs(chosen: argparse.Namespace) -> int:
    folder = _store()
    if isinstance(folder, int):
        return folder
    if folder.is_dir():
        log_to_handler_file(Redaction())
    verb = chosen.verb.replace("-", "_")
    rows = jobs(Desk(folder, SystemClock()), verb, _texts(chosen, JOBS[verb]))
    nothing = "No job is being worked on." if verb == "reclaim" else "There are none."
    _show(f"jobs {verb}", rows, chosen, nothing=nothing)
    return FINE


def _history(chosen: argparse.Namespace) -> int:
    folder = _store()
    if isinstance(folder, int):
        return folder
    nothing = "No athlete has been listed: an input Strava Activities does that."
    _show("history", history(Desk(folder, SystemClock())), chosen, nothing=nothing)
    return FINE


def _subscriptions(chosen: argparse.Namespace) -> int:
    verb = chosen.verb
    if verb == "delete":
        if (chosen.id is None) != chosen.all:
            raise WrongArgument("Say either which subscription to delete, by its number, or --all.")
        if chosen.all:
            verb = "delete_all"
        elif chosen.application is not None:
            raise WrongArgument("A subscription is deleted by its number alone; --application goes with --all.")
    # Checked here already: nobody is asked for a password in vain, and the number becomes part of an address.
    order = subscription_order(verb, _texts(chosen, SUBSCRIPTIONS[verb]))
    session = _log_in(chosen)
    if verb == "list":
        rows = session.rows("GET", "strava_subscriptions")
    elif verb == "delete":
        rows = session.rows("DELETE", f"strava_subscriptions/{order['id']}")
    else:
        rows = session.rows("POST", f"strava_subscriptions/{verb}", **order)
    _show("subscriptions list", rows, chosen, nothing="There are none.")
    return REFUSED if any(row.get("fine") == "no" for row in rows) else FINE


def _check(chosen: argparse.Namespace) -> int:
    rows = sorted(_log_in(chosen).rows("GET", "strava_check"), key=lambda row: str(row.get("position")))
    summary = harmless(str(rows[0].get("summary", ""))) if rows else ""
    _show("check", rows, chosen, nothing="The check said nothing.", below=f"\n\n{summary}" if summary else "")
    return REFUSED if not rows or any(row.get("status") == "fail" for row in rows) else FINE


_GROUPS = {"jobs": _jobs, "history": _history, "subscriptions": _subscriptions, "check": _check}


def _log_in(chosen: argparse.Namespace) -> Session:
    address, user = Address.of(chosen.splunkd), chosen.user
    if not user.strip() or not user.isprintable():
        raise WrongArgument("The argument user is empty, or has characters that cannot be printed.")
    return Session(address, user, Secret(password(f"Password of {user} at {address}: ")))


def _stranger(folder: Path) -> Optional[str]:
    """Why this user must not touch the store; None for the folder's owner, and where there is no such thing."""
    if not hasattr(os, "geteuid"):
        return None
    try:
        owner = folder.stat().st_uid
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"The folder {folder} cannot be looked at ({error.strerror}). Run this as the user that runs Splunk."
    if owner == os.geteuid():
        return None
    return (
        f"The store in {folder} belongs to {_user(owner)}, and this is run by {_user(os.geteuid())}. Run it as the "
        "user that runs Splunk, for instance with sudo -u. Nothing was done."
    )


def _user(number: int) -> str:
    try:
        import pwd

        return f"the user {pwd.getpwuid(number).pw_name}"
    except (ImportError, KeyError):
        return f"the user with the number {number}"


def _show(
    what: str, rows: Sequence[Mapping[str, Any]], chosen: argparse.Namespace, *, nothing: str, below: str = ""
) -> None:
    """Print rows; ``below`` stands under a table."""
    if chosen.json:
        text, below = json.dumps(rows, indent=2), ""
    elif not rows:
        text = nothing
    elif what in COLUMNS:
        text = table(rows, COLUMNS[what])
    elif what in ("jobs reclaim", "jobs dead_letters"):
        text = table(rows, list(rows[0]))
    else:
        text = "\n\n".join(sheet(row) for row in rows)
    write(text + below)


def _complain(what: object, code: int) -> int:
    complain(what)
    return code


def _texts(chosen: argparse.Namespace, known: Sequence[Argument]) -> dict[str, str]:
    """The arguments that were given, as text."""
    given = {}
    for argument in known:
        value = getattr(chosen, argument.name, None)
        if value is not None and value is not False:
            given[argument.name] = "1" if value is True else str(value)
    return given
