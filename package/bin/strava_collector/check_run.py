"""The set-up check from beginning to end: reads the configuration, looks into the store, asks Strava and the callback
URLs, and judges. The REST endpoint and the command line call :func:`run` and print its lines.

Nothing is changed but the counts of the calls to Strava. It takes a second as a rule, and twenty at most if nothing
answers.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Callable, Optional, Union

from strava_collector import check_configuration, check_store
from strava_collector.allowance import Allowance
from strava_collector.callback_probe import Probe, Target, probe
from strava_collector.certificate_facts import dates
from strava_collector.certificate_faults import certificate_faults
from strava_collector.check import judge
from strava_collector.check_ask import MOST_ATHLETES, StravaQuestions, Told, has_spare
from strava_collector.check_configuration import Configured, Source
from strava_collector.check_facts import Access, ApplicationFacts, AthleteFacts, Facts, InputFacts, Standing
from strava_collector.check_line import Line
from strava_collector.check_store import Stored
from strava_collector.clock import Clock
from strava_collector.configuration import Stanza, athlete_id_of, athlete_names, enabled_inputs, is_on, privacy_of
from strava_collector.errors import CollectorError, StoreUnavailable
from strava_collector.input_stanza import look_back_of
from strava_collector.ports import Messages
from strava_collector.redaction import Redaction
from strava_collector.room import DiskUsage
from strava_collector.settings import LOCAL_PROXY, PROXY
from strava_collector.side_by_side import side_by_side
from strava_collector.store.athletes import ROW_DELETED, AthleteState
from strava_collector.store.database import Database
from strava_collector.strava_api import StravaApi
from strava_collector.subscription_left import take_back
from strava_collector.token_lease import open_store
from strava_collector.transport import CallLimits, RequestsTransport

#: Seconds for everything that leaves this host, all at once.
PATIENCE = 15.0
_LIMITS = CallLimits(connect=4.0, read=6.0, whole=10.0, body=1024 * 1024)

#: What a question outside this host brings: about an application, an athlete, or an input's callback URL.
_Result = Union[Told, tuple[Access, str], Probe]


def run(
    splunkd: Source,
    *,
    folder: Optional[Path],
    clock: Clock,
    redaction: Optional[Redaction] = None,
    disk_usage: Callable[[Path], DiskUsage] = shutil.disk_usage,
    messages: Optional[Messages] = None,
) -> list[Line]:
    """Return the lines, in the order in which they are to be shown.

    ``splunkd`` is a session of whoever asks, and what that one may not read is said; ``folder`` is the store's, None
    if it is not known. ``redaction`` masks the secrets that are read. From ``messages`` is taken what says that a
    subscription is left, if Strava has none. Raises SessionExpired.
    """
    redaction = redaction or Redaction()
    configured = check_configuration.read(splunkd, redaction.register)
    facts = _facts(configured, folder, clock, disk_usage)
    if messages is not None:
        for application in facts.applications or ():
            if application.subscriptions == ():
                take_back(messages, application.name)
    # No line holds a secret; should one ever quote a text from elsewhere that does, it is masked.
    return [
        Line(line.topic, line.subject, line.status, redaction.mask(line.seen), redaction.mask(line.to_do))
        for line in judge(facts)
    ]


def _facts(
    configured: Configured, folder: Optional[Path], clock: Clock, disk_usage: Callable[[Path], DiskUsage]
) -> Facts:
    now = clock.now()
    allowance = Allowance(clock)
    stanzas = {**(configured.activities_inputs or {}), **(configured.inputs or {})}
    inputs = {name: stanza.get("application", "").strip() for name, stanza in stanzas.items()}
    stored = check_store.look(folder, configured.settings, inputs, allowance, now)
    results = _outside(configured, stored, folder, allowance, clock)
    return Facts(
        now=now,
        inputs=None
        if configured.inputs is None or configured.activities_inputs is None
        else (
            *(_input(name, one, configured, stored, results, now) for name, one in sorted(configured.inputs.items())),
            *(_activities(name, one, configured, stored) for name, one in sorted(configured.activities_inputs.items())),
        ),
        applications=None if configured.applications is None else _applications(configured, stored, results),
        athletes=None if configured.accounts is None else _athletes(configured, stored, results),
        faults=tuple(one for one in configured.faults if not _is_of_an_application(one, configured)),
        no_secrets=configured.no_secrets,
        no_splunkd=configured.no_splunkd,
        has_store=stored.exists,
        no_store=stored.why_not,
        indexes=configured.indexes,
        forwards=configured.forwards,
        macro=configured.macro,
        keep_macro=configured.settings.advanced.keep_macro,
        disk_free=_free(folder, disk_usage),
        folder=str(folder or ""),
        least_disk_mb=configured.settings.advanced.least_disk_mb,
        dead_letters=stored.dead_letters,
        newest_dead_letter=stored.newest_dead_letter,
        lists=stored.lists,
        misses=stored.misses,
    )


# What leaves this host.


def _outside(
    configured: Configured, stored: Stored, folder: Optional[Path], allowance: Allowance, clock: Clock
) -> dict[tuple[str, str], _Result]:
    """Ask everybody at once; by kind and name. Nobody is asked without the secrets that it takes."""
    if configured.no_secrets:
        return {}
    questions: dict[tuple[str, str], Callable[[], _Result]] = {}
    database = _database(folder, stored, clock)
    try:
        with suppress(CollectorError):  # a proxy or CA file that cannot be used is among the configuration's faults
            questions.update(_for_strava(configured, stored, database, allowance, clock))
        questions.update(_for_callbacks(configured, stored, folder, database))
        return side_by_side(questions, PATIENCE)
    finally:
        if database is not None:
            database.close()


def _database(folder: Optional[Path], stored: Stored, clock: Clock) -> Optional[Database]:
    if not stored.exists or stored.why_not:
        return None
    try:
        return open_store(folder, clock)
    except StoreUnavailable:
        return None


def _for_strava(
    configured: Configured, stored: Stored, database: Optional[Database], allowance: Allowance, clock: Clock
) -> dict[tuple[str, str], Callable[[], _Result]]:
    settings = configured.settings
    transport = RequestsTransport(
        clock=clock, ca_file=settings.advanced.ca_file, proxy=settings.proxy, limits=_LIMITS, connections=MOST_ATHLETES
    )
    ask = StravaQuestions(StravaApi(transport, settings.advanced.api_url), database, allowance, clock)
    questions: dict[tuple[str, str], Callable[[], _Result]] = {
        ("application", name): partial(ask.about, one) for name, one in settings.applications.items()
    }
    spare = {name: has_spare(stored.quotas.get(one.client_id)) for name, one in settings.applications.items()}
    tokens = configured.tokens or {}
    asked = 0
    for athlete_id, athlete in settings.athletes.items():
        held = tokens.get(athlete_id)
        application = settings.applications.get(athlete.application)
        if held is not None and application is not None and spare[application.name] and asked < MOST_ATHLETES:
            asked += 1
            questions["athlete", athlete.name] = partial(ask.whose, athlete, application, held)
    return questions


def _for_callbacks(
    configured: Configured, stored: Stored, folder: Optional[Path], database: Optional[Database]
) -> dict[tuple[str, str], Callable[[], _Result]]:
    def noted_by(digest: str) -> Optional[str]:
        if folder is None or stored.why_not:
            raise StoreUnavailable(stored.why_not)
        return check_store.noted_by(folder, digest)

    def try_to_note() -> None:
        if database is not None:
            with database.write():
                pass

    enabled = {one.name for one in enabled_inputs(configured.inputs or {})}
    ca_file = configured.settings.advanced.ca_file
    return {
        ("input", name): partial(
            probe,
            Target(name, one.callback_url, one.verify_token, ca_file),
            noted_by=noted_by,
            try_to_note=try_to_note,
        )
        for name, one in configured.webhook_inputs.items()
        if name in enabled and stored.runs.get(name) is not False
    }


# From what was found to the facts.


def _input(
    name: str,
    stanza: Stanza,
    configured: Configured,
    stored: Stored,
    results: Mapping[tuple[str, str], _Result],
    now: float,
) -> InputFacts:
    made = configured.webhook_inputs.get(name)
    plain = stanza.get("in_front", "").strip() == LOCAL_PROXY
    faults: list[str] = []
    valid = None
    if made is not None and not plain:
        faults = certificate_faults(
            made.cert_file,
            made.key_file,
            host=made.callback_host,
            behind_proxy=made.in_front == PROXY,
            ca_file=configured.settings.advanced.ca_file,
            now=now,
        )
        valid = dates(made.cert_file)
    tried = results.get(("input", name))
    application = configured.settings.applications.get(stanza.get("application", "").strip())
    client_id = "" if application is None else application.client_id
    watch = next((one for one in stored.watches if (one.input, one.client_id) == (name, client_id)), None)
    return InputFacts(
        name=name,
        enabled=name in {one.name for one in enabled_inputs(configured.inputs or {})},
        application=stanza.get("application", "").strip(),
        index=stanza.get("index", "").strip(),
        callback_url=stanza.get("callback_url", "").strip(),
        plain=plain,
        manages_subscription=is_on(stanza, "manage_subscription", default=True),
        may_replace=is_on(stanza, "replace_subscription", default=False),
        faults=configured.input_faults.get(name, ()),
        rivals=configured.rivals.get(name, ()),
        runs=stored.runs.get(name),
        heartbeats=stored.heartbeats.get(name, {}),
        certificate_faults=tuple(faults),
        certificate_valid=valid,
        probe=tried if isinstance(tried, Probe) else None,
        subscription_state=None if watch is None else watch.state,
        subscription_said="" if watch is None else watch.said,
        kept_subscription=None if watch is None else watch.subscription_id,
        queue=stored.queues.get(name),
        privacy=privacy_of(stanza),
    )


def _activities(name: str, stanza: Stanza, configured: Configured, stored: Stored) -> InputFacts:
    return InputFacts(
        name=name,
        listens=False,
        enabled=not is_on(stanza, "disabled", default=False),
        application=stanza.get("application", "").strip(),
        index=stanza.get("index", "").strip(),
        faults=configured.input_faults.get(name, ()),
        runs=stored.runs.get(name),
        heartbeats=stored.heartbeats.get(name, {}),
        queue=stored.queues.get(name),
        privacy=privacy_of(stanza),
        athletes=frozenset(athlete_names(stanza)),
        look_back=look_back_of(stanza),
    )


def _applications(
    configured: Configured, stored: Stored, results: Mapping[tuple[str, str], _Result]
) -> tuple[ApplicationFacts, ...]:
    found = []
    keepers = {watch.client_id: watch.input for watch in stored.watches}
    for name in sorted(configured.applications or {}):
        application = configured.settings.applications.get(name)
        if application is None:
            faults = [one for one in configured.faults if f"“{name}”" in one]
            found.append(ApplicationFacts(name, fault=" ".join(faults) or "The row cannot be used."))
            continue
        told = results.get(("application", name))
        if not isinstance(told, Told):
            told = Told(Standing.UNKNOWN, "Strava was not asked, or did not answer in time.")
        found.append(
            ApplicationFacts(
                name,
                standing=told.standing,
                why=told.why,
                subscriptions=told.subscriptions,
                known=stored.subscriptions.get(application.client_id),
                keeper=keepers.get(application.client_id, ""),
                ahead=told.ahead,
                quota=stored.quotas.get(application.client_id),
            )
        )
    return tuple(found)


def _athletes(
    configured: Configured, stored: Stored, results: Mapping[tuple[str, str], _Result]
) -> tuple[AthleteFacts, ...]:
    found = []
    for name, stanza in sorted((configured.accounts or {}).items()):
        athlete_id = athlete_id_of(stanza)
        athlete = None if athlete_id is None else configured.settings.athletes.get(athlete_id)
        told = results.get(("athlete", name))
        access, why = told if isinstance(told, tuple) else (Access.NOT_ASKED, "")
        standing = None if athlete_id is None else stored.standings.get(athlete_id)
        if standing is not None and standing.connected_at != stanza.get("connected_at", "").strip():
            standing = None  # of a connection before this one
        has_gone = standing is not None and standing.state is AthleteState.DEAUTHORIZED
        reason = "" if standing is None else standing.reason
        found.append(
            AthleteFacts(
                name=name,
                athlete_id=athlete_id,
                application=stanza.get("application", "").strip(),
                scopes=frozenset() if athlete is None else athlete.scopes,
                wanted=stanza.get("scope", ""),
                index=stanza.get("index", "").strip(),
                has_tokens=None
                if configured.tokens is None or athlete_id is None
                else configured.tokens.get(athlete_id) is not None,
                withdrawn=has_gone and reason != ROW_DELETED,
                half_deleted=has_gone and reason == ROW_DELETED,
                refused="" if has_gone else reason,
                access=access,
                why=why,
            )
        )
    return tuple(found)


def _is_of_an_application(fault: str, configured: Configured) -> bool:
    """Whether an application's own line says it."""
    broken = set(configured.applications or {}) - set(configured.settings.applications)
    return any(f"of the application “{name}”" in fault for name in broken)


def _free(folder: Optional[Path], disk_usage: Callable[[Path], DiskUsage]) -> Optional[int]:
    """Free bytes where the store is, or will be."""
    while folder is not None:
        try:
            return disk_usage(folder).free
        except FileNotFoundError:
            folder = None if folder.parent == folder else folder.parent
        except OSError:
            return None
    return None
