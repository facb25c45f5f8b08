"""What the command line has of its terminal, or of whatever stands in its place: words in, words out.

Nothing here fails because of what the other end is: an encoding that lacks a character, a full disk, a closed stream.
"""

from __future__ import annotations

import getpass
import io
import os
import sys
from pathlib import Path

from strava_admin_session import NoSession
from strava_collector.admin_table import harmless
from strava_collector.errors import CollectorError

#: Nobody's password is longer; what comes on standard input may be anything.
_LONGEST_PASSWORD = 4096


class NotWritten(CollectorError):
    """What was asked for is done, and the answer did not reach whoever asked."""


def prepare() -> None:
    """Make the three streams fit to be used; to be called before anything is opened or printed."""
    # A number that is free would be given to the next file that is opened, the store for instance, and whoever
    # writes to "standard output" would write into it.
    while True:
        number = os.open(os.devnull, os.O_RDWR)
        if number > 2:
            os.close(number)
            break
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 # for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write(text: str) -> None:
    """Write an answer. Raises NotWritten; a reader that has had enough, as ``head`` has, is no failure."""
    if sys.stdout is None:
        raise _not_written("standard output is closed")
    _let_out(f"{text}\n")


def flush() -> None:
    """Let out what others have written, argparse for instance. Raises NotWritten."""
    if sys.stdout is not None:
        _let_out("")


def complain(what: object) -> None:
    """Write a sentence about what went wrong, whoever has said it; if nobody can be told, nobody is."""
    try:
        sys.stderr.write(f"{harmless(str(what))}\n")
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        return


def password(prompt: str) -> str:
    """Return the password, asked for without an echo, or read from standard input. Raises NoSession."""
    if sys.stdin is None:
        raise NoSession(f"{_NONE} Standard input is closed.")
    if sys.stdin.isatty():
        try:
            found = getpass.getpass(prompt)
        except EOFError:
            found = ""
    else:
        found = _first_line()
    if not found:
        raise NoSession(_NONE)
    return found


_NONE = "No password was given: type it when asked, or give it on standard input."


def _first_line() -> str:
    # Not by the locale's encoding, which may be ASCII: splunkd takes UTF-8.
    try:
        line = sys.stdin.buffer.readline(_LONGEST_PASSWORD)
    except OSError as error:
        raise NoSession(f"{_NONE} Standard input cannot be read ({error.strerror}).") from None
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        pass
    raise NoSession("The password on standard input is not UTF-8: give it in that encoding.")


def _let_out(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    except BrokenPipeError:
        _drop_the_rest()
        return
    except (OSError, ValueError) as error:
        _drop_the_rest()
        why = getattr(error, "strerror", None) or type(error).__name__
    raise _not_written(why)


def _not_written(why: str) -> NotWritten:
    return NotWritten(f"What was asked for is done, but the answer could not be written ({why}).")


def _drop_the_rest() -> None:
    """Let what is still to be written go nowhere, or Python would try again at its end and complain."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return
