"""``make sandbox``: the built add-on, kept running between the stand-ins, to be played with.

``make sandbox EMPTY=1`` configures nothing: everything is there to be clicked through in a browser.
"""

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
from sandbox.strava import Application, Athlete

#: How much of an event is shown.
SHOWN = 160


def _explain_splunk_web(sandbox: Sandbox) -> None:
    passwords = sandbox.splunkd.sessions.passwords
    users = "\n".join(f"  {user:17} {password}" for user, password in passwords.items())
    print(
        f"""
Splunk Web's stand-in   {sandbox.web.url}

  user              password
{users}

Its certificate and Strava's are signed by {sandbox.certificates.ca_file}:
let the browser trust that file, or accept both addresses once, {sandbox.web.url} and {sandbox.strava.url}."""
    )


def _explain_empty(sandbox: Sandbox, application: Application, planned: Input, athletes: list[Athlete]) -> None:
    """What a person needs who starts from nothing; the steps are the README's."""
    names = " or ".join(athlete.name for athlete in athletes)
    print(
        f"""
Configuration → Applications: what Strava's page My API Application would show
  Client ID         {application.client_id}
  Client secret     {application.client_secret}

Configuration → Athletes: in Strava's window, log in as {names}.

Inputs → Create New Input: what this host has for it
  Callback URL      {planned.callback_url}
  Port              {planned.port}
  Certificate file  {planned.certificate.cert_file}
  Private key file  {planned.certificate.key_file}
  Index             {INDEX}

The subscription is made by the input itself, moments after it listens; the table of inputs shows it.

Press Enter to let {athletes[0].first_name} save a ride, Ctrl-C to end. What reaches the index “{INDEX}”,
which Splunk Web shows under Search too:
""",
        flush=True,
    )


def _explain(sandbox: Sandbox, made: Input, subscription_id: int, athlete: Athlete, activity_id: int) -> None:
    challenge = sandbox.strava.subscriptions.call_backs[-1]
    notification = {
        "aspect_type": "update",
        "event_time": int(time.time()),
        "object_id": activity_id,
        "object_type": "activity",
        "owner_id": athlete.id,
        "subscription_id": subscription_id,
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
  answered Strava's challenge with {challenge.status}; the input has made the subscription {subscription_id}
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


def main(arguments: list[str]) -> int:
    """Run until interrupted."""
    program.prepare()
    empty = "--empty" in arguments
    studio = next((Path(one.partition("=")[2]) for one in arguments if one.startswith("--studio=")), None)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="strava-sandbox-") as folder,
            Sandbox(
                app=ROOT / "output" / "TA_strava_webhook",
                folder=Path(folder),
                python=Path(sys.executable),
                # Who plays sends what Strava would not.
                strict=False,
                web=True,
                studio=studio,
            ) as sandbox,
        ):
            anna = sandbox.strava.add_athlete("Anna", "Bergström")
            ben = sandbox.strava.add_athlete("Ben", "Okafor")
            _explain_splunk_web(sandbox)
            if empty:
                _begin_empty(sandbox, [anna, ben])
            else:
                _begin(sandbox, anna)
            # Strava's window asks who is there, and what they allow.
            sandbox.strava.sign_out()
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


def _begin(sandbox: Sandbox, athlete: Athlete) -> None:
    """Configure everything, so that it collects at once."""
    application = sandbox.add_application("Club")
    sandbox.connect(athlete, "anna", application)
    made = sandbox.add_input("club", application)
    sandbox.wait_until_healthy(made)
    subscription_id = sandbox.subscribe(application, made)
    ride = sandbox.strava.record(athlete, title="Morning Ride")
    _explain(sandbox, made, subscription_id, athlete, ride.id)


def _begin_empty(sandbox: Sandbox, athletes: list[Athlete]) -> None:
    """Let there be at Strava and on this host what somebody has who begins."""
    application = sandbox.strava.add_application("Club", callback_domain="localhost")
    _explain_empty(sandbox, application, sandbox.plan_input("club"), athletes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
