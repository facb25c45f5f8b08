"""What the user configured, as values that have been checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Optional, Protocol
from urllib.parse import urlsplit

from strava_collector.privacy import KEEP_ALL, Privacy
from strava_collector.secret import Secret

#: Strava's own addresses. Both are settings, so that a stand-in or a moved API needs no new version.
DEFAULT_API_URL = "https://www.strava.com/api/v3"
DEFAULT_OAUTH_URL = "https://www.strava.com/oauth"


@dataclass(frozen=True)
class Application:
    """A row of *Configuration → Applications*: the user's API application at Strava."""

    name: str
    client_id: str
    client_secret: Secret


@dataclass(frozen=True)
class Athlete:
    """A row of *Configuration → Athletes*: who gave which permission to which application."""

    #: The name the user chose for the row.
    name: str
    athlete_id: int
    #: Name of the application that the athlete is connected to.
    application: str
    #: The scopes that Strava granted, for instance ``{"read", "activity:read_all"}``.
    scopes: frozenset[str] = frozenset()
    #: Overrides the input's index.
    index: Optional[str] = None
    #: Epoch seconds as text, another after each consent: what waits for the athlete can go on then.
    connected_at: str = ""


@dataclass(frozen=True)
class Advanced:
    """The tab *Advanced*; times in seconds."""

    api_url: str = DEFAULT_API_URL
    oauth_url: str = DEFAULT_OAUTH_URL
    #: A file of CA certificates to trust instead of the system's.
    ca_file: Optional[str] = None
    #: From a burst's first notification to its fetch.
    settle_time: float = 2.0
    #: Fetches at once per application.
    concurrency: int = 3
    #: The first pause after a failed fetch; doubles with each further failure, up to an hour.
    retry_base: float = 30.0
    #: How long finished jobs are kept.
    retention_days: float = 7.0
    #: An athlete's live fetches: three at once, then one in this time.
    cooldown: float = 15.0
    #: Reads per quarter hour and per UTC day that the user allows; None is as many as Strava allows.
    own_quarter_limit: Optional[int] = None
    own_day_limit: Optional[int] = None
    #: How much of each quota window history and reconciliation may use, 0 to 1.
    history_share: float = 0.6
    #: So many notifications and jobs may wait; more are refused with 503.
    most_waiting: int = 1_000_000
    #: With less left on the store's disk, in megabytes, notifications are refused with 503.
    least_disk_mb: int = 500
    #: Fetch an activity whose notification says ``update``; otherwise those are recorded only.
    fetch_updates: bool = True
    #: What history may write on one UTC day, in megabytes of events; 0 is as much as there is.
    history_mb_per_day: float = 100.0
    #: Add the inputs' indexes to the macro ``strava_index``.
    keep_macro: bool = True


#: What may stand between the internet and an input's port. Nothing; something that forwards another port to it;
#: something that ends TLS with a certificate of its own and begins it anew; or something on this very host that speaks
#: plain HTTP with us, and then nobody else can.
NOTHING = "nothing"
ROUTER = "router"
PROXY = "proxy"
LOCAL_PROXY = "local_proxy"
IN_FRONT = (NOTHING, ROUTER, PROXY, LOCAL_PROXY)


@dataclass(frozen=True)
class EnabledInput:
    """An input *Strava Webhook* that splunkd runs, as far as the others of its kind care."""

    name: str
    application: str
    #: As it stands in the stanza.
    port: str
    index: str = ""
    streams: bool = False
    privacy: Privacy = KEEP_ALL


@dataclass(frozen=True)
class EnabledActivities:
    """An input *Strava Activities* that splunkd runs, as far as others care."""

    name: str
    application: str
    #: Names of rows of *Configuration → Athletes*; none is all of the application's.
    athletes: frozenset[str] = frozenset()
    index: str = ""
    streams: bool = False
    privacy: Privacy = KEEP_ALL

    def collects(self, athlete: Athlete) -> bool:
        """Whether the athlete is one of those that it lists."""
        return athlete.application == self.application and (not self.athletes or athlete.name in self.athletes)


@dataclass(frozen=True)
class Settings:
    """Everything that may change while an input runs; read again every minute."""

    applications: Mapping[str, Application] = field(default_factory=dict)
    #: By athlete id.
    athletes: Mapping[int, Athlete] = field(default_factory=dict)
    #: The proxy's URL with its credentials, if there is a proxy.
    proxy: Optional[Secret] = None
    advanced: Advanced = Advanced()
    log_level: str = "INFO"
    #: Why rows of *Applications* or *Athletes* were left out, one sentence each.
    row_faults: tuple[str, ...] = ()
    #: The enabled inputs *Strava Webhook* of this host, by name, this one included.
    enabled_inputs: tuple[EnabledInput, ...] = ()
    #: The enabled inputs *Strava Activities* of this host, by name, this one included.
    enabled_activities: tuple[EnabledActivities, ...] = ()
    #: Names of the indexes of this host that take events; None if that is not known, or events are sent elsewhere.
    indexes: Optional[frozenset[str]] = None

    def athletes_of(self, application: str) -> frozenset[int]:
        """Return the ids of the athletes who are connected to the application of this name."""
        return self._by_application.get(application, frozenset())

    @cached_property
    def _by_application(self) -> Mapping[str, frozenset[int]]:
        # Asked for with every claim and every batch, while the settings change once in a while.
        ids: dict[str, set[int]] = {}
        for athlete in self.athletes.values():
            ids.setdefault(athlete.application, set()).add(athlete.athlete_id)
        return {application: frozenset(members) for application, members in ids.items()}


class CollectorInput(Protocol):
    """An input of either kind, as far as fetching and writing are concerned."""

    @property
    def name(self) -> str: ...

    @property
    def application(self) -> str: ...

    @property
    def index(self) -> str: ...

    @property
    def streams(self) -> bool: ...

    @property
    def privacy(self) -> Privacy: ...

    @property
    def source(self) -> str:
        """As splunkd calls it: ``strava_webhook://club``."""
        ...


@dataclass(frozen=True)
class ActivitiesInput:
    """A stanza of the input *Strava Activities*; a change restarts the input."""

    name: str
    index: str
    #: Name of the application whose athletes it lists.
    application: str
    #: Names of rows of *Configuration → Athletes*; none is all of the application's.
    athletes: frozenset[str] = frozenset()
    #: Seconds from one look at the newest activities to the next.
    interval: float = 14_400.0
    #: Activities that began earlier are left alone; epoch seconds, None collects everything.
    start_date: Optional[float] = None
    #: History begins with the oldest activity, not with the newest.
    oldest_first: bool = False
    #: History consists of what Strava's lists say; nothing is fetched for it.
    summaries_only: bool = False
    #: How far back each look at the newest activities goes, in seconds; longer than the interval.
    look_back: float = 7 * 86_400.0
    streams: bool = False
    privacy: Privacy = KEEP_ALL

    @property
    def source(self) -> str:
        return f"strava_activities://{self.name}"


@dataclass(frozen=True)
class WebhookInput:
    """A stanza of the input *Strava Webhook*; a change restarts the input."""

    name: str
    index: str
    #: Name of the application whose notifications arrive here.
    application: str
    port: int
    verify_token: Secret
    #: The public URL that Strava calls; its path is the only one that the listener accepts notifications on.
    callback_url: str
    #: Both empty behind LOCAL_PROXY, and only there.
    cert_file: str
    key_file: str
    #: One of IN_FRONT.
    in_front: str = NOTHING
    #: Create the application's subscription at Strava and keep it as it should be.
    manage_subscription: bool = True
    #: Delete one with another callback URL.
    replace_subscription: bool = False
    #: Delete it when the input is disabled or deleted.
    remove_subscription: bool = False
    streams: bool = False
    privacy: Privacy = KEEP_ALL

    @property
    def source(self) -> str:
        return f"strava_webhook://{self.name}"

    @property
    def callback_path(self) -> str:
        """The path of the callback URL, as it stands there; ``/`` if it has none."""
        return urlsplit(self.callback_url).path or "/"

    @property
    def callback_host(self) -> Optional[str]:
        """The host of the callback URL, in lower case."""
        return urlsplit(self.callback_url).hostname
