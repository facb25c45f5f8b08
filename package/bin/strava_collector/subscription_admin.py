"""Push subscriptions by hand: list, create, delete. For the REST endpoint and the command line, which only translate.

Whatever is done here is done at once and tried once; what the running inputs do by themselves is ``subscription``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Callable, Optional, Protocol

from strava_collector import subscription_by_hand
from strava_collector.allowance import Allowance
from strava_collector.answers import retry_after
from strava_collector.callback_look import seen_at_callback
from strava_collector.clock import Clock
from strava_collector.configuration import Stanza, enabled_inputs, is_on
from strava_collector.errors import CollectorError, StoreUnavailable, TransportError
from strava_collector.logfmt import line
from strava_collector.ports import Messages
from strava_collector.settings import Application, Settings, WebhookInput
from strava_collector.store.database import Database
from strava_collector.strava_api import StravaApi
from strava_collector.subscription_answers import SubscriptionTrouble, created_in, is_gone, listed_in, trouble_of
from strava_collector.subscription_left import take_back
from strava_collector.subscription_rules import Listed, State, same_url, shown
from strava_collector.transport import Answer, RequestsTransport

log = logging.getLogger(__name__)


class SubscriptionRefused(CollectorError):
    """What was asked for cannot be done; the message says why and what to do instead."""


class NoSuchSubscription(SubscriptionRefused):
    """No application of this host has a subscription of this id."""


@dataclass(frozen=True)
class Row:
    """One line of an answer, all fields as text."""

    #: Of the subscription; empty if there is none, or if Strava did not tell.
    id: str
    #: Name of the row on *Configuration → Applications*.
    application: str
    client_id: str
    callback_url: str = ""
    #: ``yes`` if an input of this host has this callback URL, ``no`` otherwise; empty without a subscription.
    ours: str = ""
    #: Name of that input.
    input: str = ""
    #: As Strava wrote it.
    created_at: str = ""
    #: ``yes`` if it was made just now, ``no`` if it was to be made and had been there already; empty otherwise.
    created: str = ""
    #: A sentence: what was done, what there is to know about it, or why nothing could be found out.
    said: str = ""
    #: False if Strava did not do what was asked for; ``said`` says why.
    fine: bool = True

    def values(self) -> dict[str, str]:
        """The fields by name, for a table or an entity."""
        return {**asdict(self), "fine": "yes" if self.fine else "no"}


class Configured(Protocol):
    """The part of :class:`~strava_collector.splunk_config.Reader` that is used here."""

    def settings(self) -> Settings: ...

    def stored_inputs(self) -> dict[str, dict[str, str]]: ...

    def webhook_input(self, name: str, params: Mapping[str, Optional[str]]) -> WebhookInput: ...


@dataclass(frozen=True)
class Desk:
    """What the verbs need. :func:`desk` makes one of a reader."""

    settings: Settings
    #: All inputs *Strava Webhook* as they are stored, by name.
    inputs: Mapping[str, Stanza]
    #: An input with its verify token. Raises ConfigurationError.
    webhook_input: Callable[[str], WebhookInput]
    api: StravaApi
    clock: Clock
    #: None where there is no store; then nothing is remembered of what was done.
    database: Optional[Database] = None
    #: None where nobody can take messages back.
    messages: Optional[Messages] = None


@contextmanager
def desk(reader: Configured, clock: Clock, database: Optional[Database] = None) -> Iterator[Desk]:
    """Read the configuration and give what the verbs need, with connections to Strava that are closed at the end.

    Raises ConfigurationError, SplunkUnavailable, SessionExpired.
    """
    settings, inputs = reader.settings(), reader.stored_inputs()
    advanced = settings.advanced
    transport = RequestsTransport(proxy=settings.proxy, ca_file=advanced.ca_file, clock=clock)
    try:
        yield Desk(
            settings=settings,
            inputs=inputs,
            webhook_input=lambda name: reader.webhook_input(name, inputs[name]),
            api=StravaApi(transport, advanced.api_url),
            clock=clock,
            database=database,
        )
    finally:
        transport.close()


def list_all(desk: Desk) -> list[Row]:
    """Ask Strava for the subscription of every application; one call each, one row or more each. Raises nothing."""
    return [row for application in _applications(desk) for row in _rows_of(desk, application)]


def create(desk: Desk, input: str) -> Row:
    """Make the subscription of an input, which has to listen: Strava calls it back meanwhile.

    If the input has it already, that is the answer. Raises SubscriptionRefused or ConfigurationError with a sentence.
    """
    if input not in desk.inputs:
        raise SubscriptionRefused(f"There is no input “{shown(input)}”. {_names('The inputs are', desk.inputs)}")
    wanted = desk.webhook_input(input)
    application = _application(desk, wanted.application)
    client = (application.client_id, application.client_secret)
    answer = _call(
        desk,
        application,
        lambda: desk.api.create_subscription(
            *client, callback_url=wanted.callback_url, verify_token=wanted.verify_token
        ),
    )
    made = created_in(answer, wanted.callback_url)
    if made is None:
        trouble = trouble_of(
            answer,
            application,
            to_do="create the subscription",
            callback_url=wanted.callback_url,
            look_there=lambda: _seen_there(desk, wanted),
            tried_again=False,
        )
        if trouble.state is not State.EXISTS:
            raise SubscriptionRefused(_told(trouble))
        return _there_already(desk, application, wanted, trouble)
    subscription_by_hand.note_made(desk.database, desk.clock, application, wanted, made.id)
    log.info(
        line("subscription_created", application=application.name, input=input, subscription_id=made.id, by="hand")
    )
    said = f"Strava has made the subscription {made.id} of the input “{input}”."
    return replace(_row(desk, application, made, said=said), created="yes")


def _there_already(desk: Desk, application: Application, wanted: WebhookInput, trouble: SubscriptionTrouble) -> Row:
    """What Strava has in the place of the subscription that it did not make; it says no more than that there is one."""
    try:
        found = _listed(desk, application)
    except SubscriptionRefused as error:
        raise SubscriptionRefused(
            f"Strava says that the application “{application.name}” has a subscription already, and which one could "
            f"not be found out. {error}"
        ) from None
    if not found:
        raise SubscriptionRefused(str(trouble))
    for one in found:
        if same_url(one.callback_url, wanted.callback_url):
            subscription_by_hand.note_made(desk.database, desk.clock, application, wanted, one.id)
            said = f"The input “{wanted.name}” has its subscription already ({one.id})."
            return replace(_row(desk, application, one, said=said), created="no")
    there = found[-1]
    owner = _input_of(desk, application, there)
    whose = f" (that is the input “{owner}”)" if owner else ""
    raise SubscriptionRefused(
        f"The application “{application.name}” has another subscription already, {there.id}, which leads to "
        f"{shown(there.callback_url)}{whose}, and Strava allows one. If nobody needs that one, delete it with the "
        f"command “strava_admin.py subscriptions delete {there.id}”, then create this one; otherwise use an "
        "application of its own here."
    )


def delete(desk: Desk, subscription_id: int) -> Row:
    """Delete one subscription of an application of this host.

    Raises NoSuchSubscription if none of them has it, SubscriptionRefused with a sentence if Strava does not delete it.
    """
    silent = []
    for application in _applications(desk):
        try:
            found = _listed(desk, application)
        except SubscriptionRefused as error:
            silent.append(f"“{application.name}”: {error}")
            continue
        for one in found:
            if one.id == subscription_id:
                return _delete(desk, application, one)
    unknown = f" Not everybody could be asked. {' '.join(silent)}" if silent else ""
    raise NoSuchSubscription(
        f"No application on Configuration → Applications has the subscription {subscription_id}.{unknown}"
    )


def delete_all(desk: Desk, application: Optional[str] = None) -> list[Row]:
    """Delete the subscriptions of one application (its name) or of all; a row for each subscription and each failure.

    Raises SubscriptionRefused if there is no such application.
    """
    chosen = _applications(desk) if application is None else [_application(desk, application)]
    rows: list[Row] = []
    for one in chosen:
        try:
            found = _listed(desk, one)
        except SubscriptionRefused as error:
            rows.append(_failure(one, str(error)))
            continue
        for there in found:
            try:
                rows.append(_delete(desk, one, there))
            except SubscriptionRefused as error:
                rows.append(_row(desk, one, there, said=str(error), fine=False))
    return rows


def _rows_of(desk: Desk, application: Application) -> list[Row]:
    try:
        found = _listed(desk, application)
    except SubscriptionRefused as error:
        return [_failure(application, str(error))]
    if not found:
        return [Row("", application.name, application.client_id, said="Strava lists no subscription.")]
    return [_row(desk, application, one) for one in found]


def _delete(desk: Desk, application: Application, there: Listed) -> Row:
    answer = _call(
        desk,
        application,
        lambda: desk.api.delete_subscription(application.client_id, application.client_secret, there.id),
    )
    if not is_gone(answer):
        raise SubscriptionRefused(_said(answer, application, to_do="delete the subscription"))
    _take_back(desk, application)
    subscription_by_hand.note_gone(desk.database, application, there.id)
    log.info(line("subscription_deleted", application=application.name, subscription_id=there.id, by="hand"))
    return _row(desk, application, there, said=f"The subscription {there.id} is deleted.{_keeper(desk, application)}")


def _listed(desk: Desk, application: Application) -> tuple[Listed, ...]:
    answer = _call(desk, application, lambda: desk.api.subscriptions(application.client_id, application.client_secret))
    found = listed_in(answer)
    if found is None:
        raise SubscriptionRefused(_said(answer, application, to_do="list the application's subscription"))
    if not found:
        _take_back(desk, application)
    return found


def _said(answer: Answer, application: Application, *, to_do: str) -> str:
    """What to tell somebody whose call Strava did not carry out."""
    return _told(trouble_of(answer, application, to_do=to_do, tried_again=False))


def _told(trouble: SubscriptionTrouble) -> str:
    """The same; nobody but whoever has called tries again."""
    return f"{trouble} Try again later." if trouble.state.passes else str(trouble)


def _seen_there(desk: Desk, wanted: WebhookInput) -> str:
    """What becomes of a request to the callback URL."""
    if wanted.name not in {one.name for one in enabled_inputs(desk.inputs)}:
        return f"The input “{wanted.name}” is disabled, so it answers nobody: enable it first."
    return seen_at_callback(wanted, desk.settings.advanced.ca_file, desk.database)


def _take_back(desk: Desk, application: Application) -> None:
    if desk.messages is not None:
        take_back(desk.messages, application.name)


def _call(desk: Desk, application: Application, send: Callable[[], Answer]) -> Answer:
    """Make a call that somebody waits for, and let what it says of the quota be known."""
    try:
        answer = send()
    except TransportError as error:
        raise SubscriptionRefused(str(error)) from None
    if desk.database is not None:
        allowance = Allowance(desk.clock)
        wait = retry_after(answer.headers, desk.clock.now())
        try:
            with desk.database.write() as tx:
                allowance.answered(tx, application.client_id, "by hand", answer, retry_after=wait)
        except StoreUnavailable as error:
            log.warning(line("store_unavailable", thread="subscriptions by hand", error=str(error)))
    return answer


def _applications(desk: Desk) -> list[Application]:
    return [desk.settings.applications[name] for name in sorted(desk.settings.applications)]


def _application(desk: Desk, name: str) -> Application:
    application = desk.settings.applications.get(name)
    if application is None:
        raise SubscriptionRefused(
            f"There is no application “{shown(name)}”. {_names('The applications are', desk.settings.applications)}"
        )
    return application


def _names(before: str, names: Mapping[str, object]) -> str:
    return f"{before} {', '.join(f'“{name}”' for name in sorted(names))}." if names else "There is none yet."


def _input_of(desk: Desk, application: Application, there: Listed) -> str:
    """The input that has the callback URL, an enabled one rather than another."""
    enabled = {one.name for one in enabled_inputs(desk.inputs)}
    found = [
        name
        for name, stanza in desk.inputs.items()
        if stanza.get("application", "").strip() == application.name
        and there.callback_url
        and same_url(stanza.get("callback_url", ""), there.callback_url)
    ]
    return min(found, key=lambda name: (name not in enabled, name), default="")


def _keeper(desk: Desk, application: Application) -> str:
    """Who will make it anew."""
    enabled = {one.name for one in enabled_inputs(desk.inputs)}
    for name, stanza in sorted(desk.inputs.items()):
        if (
            name in enabled
            and stanza.get("application", "").strip() == application.name
            and is_on(stanza, "manage_subscription", default=True)
        ):
            return (
                f" The input “{name}” keeps the application's subscription and makes another one within an hour; "
                "untick “Create and keep the subscription” there, or disable it, if that is not wanted."
            )
    return ""


def _row(desk: Desk, application: Application, there: Listed, *, said: str = "", fine: bool = True) -> Row:
    owner = _input_of(desk, application, there)
    return Row(
        id=str(there.id),
        application=application.name,
        client_id=application.client_id,
        callback_url=shown(there.callback_url),
        ours="yes" if owner else "no",
        input=owner,
        created_at=shown(there.created_at),
        said=said,
        fine=fine,
    )


def _failure(application: Application, said: str) -> Row:
    return Row("", application.name, application.client_id, said=said, fine=False)
