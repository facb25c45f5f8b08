"""The running service in one process: real threads, real TLS, Strava's stand-in, splunkd's part in memory."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import pytest
import requests

from sandbox.certificates import Certificates
from sandbox.patience import patience
from sandbox.strava import Application as StravaApplication
from sandbox.strava import Athlete as StravaAthlete
from sandbox.strava import StravaStandIn
from strava_collector.clock import SystemClock
from strava_collector.collecting import SETTINGS_RETRY, Host
from strava_collector.errors import CollectorError
from strava_collector.oauth import Tokens
from strava_collector.ports import SessionExpired
from strava_collector.privacy import Privacy
from strava_collector.secret import Secret
from strava_collector.service import WebhookService
from strava_collector.settings import Advanced, Application, Athlete, EnabledActivities, Settings, WebhookInput
from strava_collector.store import inbox, subscriptions
from strava_collector.store.bell import ring
from strava_collector.store.database import Database
from strava_collector.token_keeper import TokenStoreUnavailable
from tests.support.clock import VirtualClock
from tests.support.collecting import Index, MemoryTokens
from tests.support.store import notification
from tests.support.waiting import until


class Splunk:
    """What the service needs from Splunk, in memory."""

    def __init__(self, settings: Settings) -> None:
        self.current = settings
        self.failure: Optional[CollectorError] = None
        #: When the settings were read.
        self.read_at: list[float] = []
        self.posted: dict[str, str] = {}

    def settings(self) -> Settings:
        if self.failure is not None:
            raise self.failure
        self.read_at.append(time.monotonic())
        return self.current

    def post(self, name: str, text: str, severity: str) -> None:
        self.posted[name] = text

    def clear(self, name: str) -> None:
        self.posted.pop(name, None)


class Running:
    """A service in a thread, beside Strava's stand-in, with one application and one connected athlete."""

    def __init__(self, folder: Path, strava: StravaStandIn, certificates: Certificates) -> None:
        self.strava = strava
        self.folder = folder
        self.application: StravaApplication = strava.add_application("App", callback_domain="localhost")
        self.anna: StravaAthlete = strava.add_athlete("Anna", "Berg")
        pair = strava.connect(self.application, self.anna, "read,activity:read_all")
        self.tokens = MemoryTokens(VirtualClock())
        self.tokens.tokens = {
            self.anna.id: Tokens(Secret(pair.access_token), Secret(pair.refresh_token), int(pair.expires_at))
        }
        self.issued = certificates.issue("listener", "localhost", "127.0.0.1")
        self.index = Index()
        self.splunk = Splunk(
            Settings(
                applications={
                    "App": Application("App", str(self.application.client_id), Secret(self.application.client_secret))
                },
                athletes={self.anna.id: Athlete("anna", self.anna.id, "App")},
                advanced=Advanced(
                    api_url=strava.api_url,
                    oauth_url=strava.oauth_url,
                    ca_file=str(certificates.ca_file),
                    settle_time=0.0,
                    retry_base=0.2,
                    cooldown=0.0,
                ),
            )
        )
        with socket.socket() as probe:
            probe.bind(("", 0))
            self.port = probe.getsockname()[1]
        self.webhook_input = WebhookInput(
            name="club",
            index="strava",
            application="App",
            port=self.port,
            verify_token=Secret("verify"),
            callback_url=f"https://localhost:{self.port}/strava/callback",
            cert_file=str(self.issued.cert_file),
            key_file=str(self.issued.key_file),
            manage_subscription=False,
        )
        self.stop = threading.Event()
        self.ended_with: Optional[BaseException] = None
        self.thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self.service = WebhookService(
            self.webhook_input,
            Host(
                configuration=self.splunk,
                token_store=self.tokens,
                sink=self.index,
                messages=self.splunk,
                folder=self.folder,
                clock=SystemClock(),
            ),
        )
        self.thread.start()

    def subscribe(self) -> None:
        """Subscribe when the listener is there, as at Strava: what comes before is tried three times and lost."""
        until(self._listens)
        self.strava.subscriptions.add(self.application, self.webhook_input.callback_url)

    def end(self) -> None:
        self.stop.set()
        if self.thread.ident is not None:
            self.thread.join(patience(15))
            assert not self.thread.is_alive()

    def has(self, activity_id: int, **fields: Any) -> Callable[[], bool]:
        """Whether the activity's latest version is in the index, with these values."""
        return lambda: (
            fields.items() <= self.index.latest().get(activity_id, {"id": None}).items()
            and (activity_id in self.index.latest())
        )

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=patience(1)).close()
        except OSError:
            return False
        return True

    def _run(self) -> None:
        try:
            self.service.run(self.stop)
        except BaseException as error:
            self.ended_with = error


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    certificates = Certificates(tmp_path / "certificates")
    with StravaStandIn(certificates, retry_pause=0.3) as strava:
        service = Running(tmp_path / "store", strava, certificates)
        yield service
        service.end()


def test_a_ride_is_in_the_index_moments_after_it_was_saved(running: Running) -> None:
    running.start()
    running.subscribe()
    ride = running.strava.record(running.anna, title="Morning Ride 🚴")
    until(running.has(ride.id, name="Morning Ride 🚴"))
    running.strava.edit(ride, title="Round the lake")
    until(running.has(ride.id, name="Round the lake"))
    running.strava.delete(ride)
    until(lambda: ride.id not in running.index.latest())


def test_a_title_that_another_input_leaves_out_is_stored_nowhere(running: Running) -> None:
    lists = EnabledActivities("lists", "App", privacy=Privacy(text=True))
    running.splunk.current = replace(running.splunk.current, enabled_activities=(lists,))
    running.start()
    until(lambda: bool(running.splunk.read_at))
    running.subscribe()
    ride = running.strava.record(running.anna, title="Zebedee")
    until(running.has(ride.id))
    running.strava.edit(ride, title="Zebedee once more")
    until(lambda: any(event["aspect_type"] == "update" for event in running.index.notifications))
    stored = b"".join(path.read_bytes() for path in running.folder.iterdir() if path.is_file())
    assert str(ride.id).encode() in stored
    assert b"Zebedee" not in stored
    assert "Zebedee" not in "".join(event.data for event in running.index.events)


def test_the_bell_lets_the_settings_be_read_but_not_all_the_time(running: Running) -> None:
    athletes = running.splunk.current.athletes
    running.splunk.current = replace(running.splunk.current, athletes={})
    running.start()
    running.subscribe()
    ride = running.strava.record(running.anna, title="Before the row was saved")
    database = Database(running.folder, clock=SystemClock())

    def is_held() -> bool:
        with database.read() as tx:
            return inbox.counts(tx, "club").get("held") == 1

    until(is_held)
    # A stranger's ride hurries the settings as well: let that be over.
    until(lambda: len(running.splunk.read_at) == 2)
    running.splunk.current = replace(running.splunk.current, athletes=athletes)
    ring(running.folder)
    until(running.has(ride.id))
    ring(running.folder)
    until(lambda: len(running.splunk.read_at) == 4)
    pauses = [later - earlier for earlier, later in zip(running.splunk.read_at, running.splunk.read_at[1:])]
    assert min(pauses) > SETTINGS_RETRY - 0.5
    database.close()


def test_strava_can_validate_the_callback(running: Running) -> None:
    running.start()
    until(lambda: _listens(running.port))
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            f"{running.strava.api_url}/push_subscriptions",
            data={
                "client_id": running.application.client_id,
                "client_secret": running.application.client_secret,
                "callback_url": running.webhook_input.callback_url,
                "verify_token": "verify",
            },
            headers={"User-Agent": "test"},
            verify=running.splunk.current.advanced.ca_file,
            timeout=patience(10),
        )
    assert answer.status_code == 201, answer.text


def test_an_expired_token_and_an_outage_only_delay(running: Running) -> None:
    running.start()
    running.subscribe()
    running.strava.expire_access_token(running.anna)
    with running.strava.faults.outage(503, path="/api/v3/activities/*", times=1):
        ride = running.strava.record(running.anna)
        until(running.has(ride.id))


def test_tokens_that_splunkd_did_not_take_are_saved_with_the_next_look_at_the_settings(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By that thread, for splunkd may take its time: the main one renews leases and leaves signs of life."""
    savers: list[str] = []
    save = running.tokens.save

    def in_vain_but_with_the_settings(athlete_id: int, tokens: Tokens) -> None:
        savers.append(threading.current_thread().name)
        if savers[-1] != "settings":
            ring(running.folder)
            raise TokenStoreUnavailable("splunkd does not answer.")
        save(athlete_id, tokens)

    monkeypatch.setattr(running.tokens, "save", in_vain_but_with_the_settings)
    running.start()
    running.subscribe()
    running.strava.expire_access_token(running.anna)
    running.strava.record(running.anna)
    until(lambda: "settings" in savers, 30)
    assert savers[0] != "settings"
    assert running.thread.name not in savers


def test_what_arrived_while_the_settings_could_not_be_read_is_collected_afterwards(running: Running) -> None:
    running.splunk.failure = CollectorError("splunkd does not answer.")
    running.start()
    running.subscribe()
    ride = running.strava.record(running.anna)
    assert running.strava.wait_until_delivered(10)
    assert any("splunkd does not answer." in text for text in running.splunk.posted.values())
    running.splunk.failure = None
    until(running.has(ride.id))
    assert running.splunk.posted == {}


def test_an_expired_session_ends_the_process_so_that_splunkd_starts_another(running: Running) -> None:
    running.splunk.failure = SessionExpired("The session has expired.")
    running.start()
    running.thread.join(patience(15))
    assert isinstance(running.ended_with, SessionExpired)


@pytest.mark.parametrize("fault", ["certificate missing", "key of another certificate", "port in use"])
def test_a_fault_that_keeps_the_listener_down_is_told_and_mended_without_a_restart(
    running: Running, fault: str, tmp_path: Path
) -> None:
    good_chain = Path(running.webhook_input.cert_file).read_bytes()
    blocker = socket.socket()
    if fault == "certificate missing":
        running.webhook_input = replace(running.webhook_input, cert_file=str(tmp_path / "later.pem"))
    elif fault == "key of another certificate":
        other = Certificates(tmp_path / "other").issue("other", "localhost")
        running.webhook_input = replace(running.webhook_input, cert_file=str(tmp_path / "later.pem"))
        (tmp_path / "later.pem").write_bytes(Path(other.cert_file).read_bytes())
    else:
        blocker.bind(("", running.port))
        blocker.listen()
    with blocker:
        running.start()
        until(lambda: any("club" in text for text in running.splunk.posted.values()))
        (text,) = running.splunk.posted.values()
        assert str(running.port) in text or "later.pem" in text or "listener" in text
    if fault != "port in use":
        (tmp_path / "later.pem").write_bytes(good_chain)
    until(lambda: _listens(running.port) and not running.splunk.posted)


def test_what_waits_is_fetched_also_while_the_listener_cannot_listen(running: Running) -> None:
    ride = running.strava.record(running.anna, notify=False)
    arrived = notification(ride.id, owner_id=running.anna.id)
    database = Database(running.folder, clock=SystemClock())
    with database.write() as tx:
        inbox.add(tx, input="club", notification=arrived, received_at=SystemClock().now())
        subscriptions.adopt(
            tx,
            client_id=str(running.application.client_id),
            subscription_id=arrived.subscription_id,
            now=SystemClock().now(),
        )
    database.close()
    running.webhook_input = replace(running.webhook_input, cert_file="/nowhere/chain.pem")
    running.start()
    until(running.has(ride.id))
    assert not _listens(running.port)
    assert any("/nowhere/chain.pem" in text for text in running.splunk.posted.values())


def test_an_application_that_does_not_exist_is_told_while_notifications_are_kept(running: Running) -> None:
    right = running.splunk.current
    running.splunk.current = replace(right, applications={})
    running.start()
    running.subscribe()
    ride = running.strava.record(running.anna)
    assert running.strava.wait_until_delivered(10)
    until(lambda: any("no application named" in text for text in running.splunk.posted.values()))
    assert running.index.activities == []
    running.splunk.current = right
    until(running.has(ride.id))


def test_a_stop_finishes_what_has_begun_and_closes_the_store(running: Running) -> None:
    running.start()
    running.subscribe()
    ride = running.strava.record(running.anna)
    until(running.has(ride.id))
    running.end()
    assert not _listens(running.port)
    assert running.ended_with is None
    assert not list(running.folder.glob("*-wal"))


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
