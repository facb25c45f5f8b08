"""``make sandbox``: the built add-on, kept running between the stand-ins, to be played with."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from pathlib import Path

from sandbox import program
from sandbox.demo import ROOT
from sandbox.sandbox import INDEX, Input, Sandbox
from sandbox.splunkd import Event
from sandbox.strava import Athlete

#: How much of an event is shown.
SHOWN = 160


def _explain(sandbox: Sandbox, made: Input, athlete: Athlete, activity_id: int) -> None:
    subscription = sandbox.strava.subscriptions.call_backs[-1]
    notification = {
        "aspect_type": "update",
        "event_time": int(time.time()),
        "object_id": activity_id,
        "object_type": "activity",
        "owner_id": athlete.id,
        "subscription_id": 1,
        "updates": {"title": "Messy"},
    }
    print(
        f"""
Strava's stand-in   {sandbox.strava.url}
  API               {sandbox.strava.api_url}
  OAuth             {sandbox.strava.oauth_url}
splunkd's stand-in  {sandbox.splunkd.uri}
  session key       {sandbox.splunkd.session_key}
  files             {sandbox.splunkd.home}
The listener        {made.callback_url}
  answered Strava's challenge with {subscription.status}
Certificates of all {sandbox.certificates.ca_file}

Ask the listener whether it is well:

  curl --cacert {sandbox.certificates.ca_file} https://localhost:{made.port}/health

Send a notification of your own; {athlete.name} has the activity {activity_id}:

  curl --cacert {sandbox.certificates.ca_file} {made.callback_url} \\
    -H 'Content-Type: application/json' -d '{json.dumps(notification)}'

Read the configuration as Splunk Web does:

  curl --cacert {sandbox.splunkd.ca_file} -H 'Authorization: Splunk {sandbox.splunkd.session_key}' \\
    '{sandbox.splunkd.uri}{sandbox.splunkd.path("TA_strava_webhook_account")}?output_mode=json'

Press Enter to let {athlete.first_name} save a ride, Ctrl-C to end. What reaches the index “{INDEX}”:
""",
        flush=True,
    )


def _ride_on_enter(sandbox: Sandbox, athlete: Athlete) -> None:
    for number, _line in enumerate(sys.stdin, start=1):
        sandbox.strava.record(athlete, title=f"Ride {number}")


def _show(event: Event) -> None:
    text = event.raw if len(event.raw) <= SHOWN else f"{event.raw[:SHOWN]}… ({len(event.raw):,} characters)"
    print(f"{time.strftime('%H:%M:%S')}  {event.sourcetype}  {text}", flush=True)


def main() -> int:
    """Run until interrupted."""
    program.prepare()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="strava-sandbox-") as folder,
            Sandbox(
                app=ROOT / "output" / "TA_strava_webhook",
                folder=Path(folder),
                python=Path(sys.executable),
                # Who plays sends what Strava would not.
                strict=False,
            ) as sandbox,
        ):
            application = sandbox.add_application("Club")
            anna = sandbox.strava.add_athlete("Anna", "Bergström")
            sandbox.connect(anna, "anna", application)
            made = sandbox.add_input("club", application)
            sandbox.wait_until_healthy(made)
            sandbox.subscribe(application, made)
            ride = sandbox.strava.record(anna, title="Morning Ride")
            _explain(sandbox, made, anna, ride.id)
            threading.Thread(target=_ride_on_enter, args=(sandbox, anna), daemon=True).start()
            shown = 0
            while True:
                sandbox.splunkd.index.wait_for(lambda events: len(events) > shown, 3600)  # noqa: B023 - called at once
                for event in sandbox.splunkd.index.events()[shown:]:
                    _show(event)
                    shown = event.number
    except KeyboardInterrupt:
        program.say_last("\nEnded; everything is stopped and removed.")
        return 0


if __name__ == "__main__":
    sys.exit(main())
