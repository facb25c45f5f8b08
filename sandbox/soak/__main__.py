"""``make soak``: the long run."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from sandbox import program
from sandbox.demo import ROOT
from sandbox.sandbox import Sandbox
from sandbox.soak.run import LIMITS, RETRY_PAUSE, SETTINGS, Soak, duration


def main() -> int:
    """Run in a folder of its own; nothing is left of it."""
    parser = argparse.ArgumentParser(prog="make soak", description="See docs/reliability.md.")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "1")), help="another seed, other deeds")
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("MINUTES", "60")), help="how long")
    arguments = parser.parse_args()
    program.prepare()
    app = ROOT / "output" / "TA_strava_webhook"
    if not app.is_dir():
        print(f"The add-on has not been built: {app} is missing. `make soak` builds it.")
        return 1
    try:
        with (
            tempfile.TemporaryDirectory(prefix="strava-soak-") as folder,
            Sandbox(
                app=app,
                folder=Path(folder),
                python=Path(sys.executable),
                advanced=SETTINGS,
                retry_pause=RETRY_PAUSE,
                limits=LIMITS,
                # Misuse is part of the verdict, which has to be the last line.
                strict=False,
            ) as sandbox,
        ):
            soak = Soak(sandbox, duration(arguments.minutes), arguments.seed, lambda text: print(text, flush=True))
            try:
                status = soak.run()
            except Exception:
                print("\n".join(sandbox.splunkd.log_lines()[-40:]))
                raise
            sandbox.strava.misuse.clear()
            return status
    except KeyboardInterrupt:
        program.say_last("\nInterrupted; everything is stopped and removed.")
        return 130


if __name__ == "__main__":
    os.environ.pop("SPLUNK_HOME", None)
    sys.exit(main())
