"""Writes the sample to files for Splunk Web's upload: ``make sample-data``."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from sandbox import program, training
from sandbox.training import files

#: The first day on which the two years may end.
_FIRST = date(2012, 1, 1)
FOLDER = Path("output") / "sample-data"


def main(arguments: Sequence[str]) -> int:
    """Write the files and say what to do with them."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.training", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="another number for other training (1)")
    parser.add_argument("--today", type=_moment, help="where the two years end, such as 2026-06-01; now by default")
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"where the files go ({FOLDER})")
    chosen = parser.parse_args(arguments)
    # Nothing that is made is thrown away before the end: looking for it would take a fifth of the time.
    gc.disable()
    begun = time.monotonic()
    history = training.history(chosen.today or datetime.now(timezone.utc), chosen.seed)
    written = files.write(history.events, chosen.folder)
    print(
        f"Two years of training of three athletes, in {chosen.folder}; each file with the sourcetype to upload it as:\n"
    )
    for one in written:
        print(f"  {one.path.name:38} {one.sourcetype:32} {one.events:7} events {one.size / 1e6:6.1f} MB")
    size = sum(one.size for one in written) / 1e6
    print(f"\n{len(history.activities)} activities, {size:.1f} MB, {time.monotonic() - begun:.1f} s.")
    print("How to upload, look at and remove it: docs/sample-data.md.")
    return 0


def _moment(text: str) -> datetime:
    """The end of a day in UTC, or a time with its zone.

    Raises:
        ArgumentTypeError: It is none, or the athletes do not train then.
    """
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no day such as 2026-06-01.") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
        if len(text) == len("2026-06-01"):
            moment += timedelta(days=1, seconds=-1)
    last = datetime.now(timezone.utc) + timedelta(days=1)
    # Nobody has trained in the days to come, nor kept it at Strava long before that.
    if not _FIRST <= moment.date() <= last.date():
        raise argparse.ArgumentTypeError(f"The two years have to end from {_FIRST} to {last.date()}, not on {text}.")
    return moment


if __name__ == "__main__":
    program.prepare()
    try:
        status = main(sys.argv[1:])
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
