"""The built add-on takes over what its first version left: configuration, secrets, unfinished work."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing

from strava_collector.store import schema
from tests.integration.conftest import MakeSandbox
from tests.support import first_version
from tests.support.waiting import until

NOTIFICATION = {"object_type": "activity", "aspect_type": "create", "event_time": 1_780_293_600, "updates": {}}


def test_the_first_versions_host_goes_on_where_it_stopped(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    strava, splunkd = sandbox.strava, sandbox.splunkd
    application = strava.add_application("Club", callback_domain="localhost")
    anna, ben = strava.add_athlete("Anna", "Example"), strava.add_athlete("Ben", "Example")
    tokens = strava.connect(application, anna, scope="read,activity:read_all")
    ride = strava.record(anna, kind="manual", title="Before the upgrade", notify=False)
    made = sandbox.plan_input("rides")
    first_version.lay_down(
        splunkd,
        {
            "port": made.port,
            "callback_url": made.callback_url,
            "cert_file": made.certificate.cert_file,
            "key_file": made.certificate.key_file,
            "verify_token": made.verify_token,
            "client_id": application.client_id,
            "client_secret": application.client_secret,
            "anna": anna.id,
            "ben": ben.id,
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "expires_at": int(tokens.expires_at),
            "api_url": strava.api_url,
            "oauth_url": strava.oauth_url,
            "ca_file": sandbox.certificates.ca_file,
        },
    )
    file = splunkd.home / "var" / "lib" / "splunk" / "modinputs" / "ta_strava_webhook" / "strava.db"
    subscription = strava.subscriptions.add(application, made.callback_url)
    with closing(first_version.lay_down_store(file, stopped_at=time.time() - 60)) as store:
        # A notification that was acknowledged and not dispatched any more is of an activity that Strava has.
        told = {**NOTIFICATION, "object_id": ride.id, "owner_id": anna.id, "subscription_id": subscription.id}
        store.execute(
            "UPDATE notification SET object_id = ?, athlete_id = ?, subscription_id = ?, body = ? WHERE object_id = 17",
            (ride.id, anna.id, subscription.id, json.dumps(told)),
        )
    splunkd.inputs.start("rides")

    def titles() -> set[object]:
        events = splunkd.index.events(sourcetype="strava:activities")
        return {event.json["name"] for event in events}

    sandbox.wait_until_healthy(made)
    assert sandbox.subscribe(application, made) == subscription.id
    strava.record(anna, kind="manual", title="After the upgrade")
    until(lambda: titles() == {"Before the upgrade", "After the upgrade"}, 30)
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as store:
        assert store.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)
        # Who has to connect again for long, and what waits for that, is as it was.
        assert store.execute("SELECT status, attempts FROM job WHERE activity_id = 15").fetchone() == ("pending", 2)
