"""The server that speaks HTTP with Strava: from bytes to a question for the store, and from its reply to an answer."""

from __future__ import annotations

import logging
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Optional

from strava_collector import logfmt
from strava_collector.callback import (
    REFUSED,
    Met,
    decide,
    fault_answer,
    health_answer,
    receipt_answer,
)
from strava_collector.client_connection import Connection, Phase
from strava_collector.clock import Clock
from strava_collector.errors import StoreUnavailable, raised_at
from strava_collector.forwarded import client_address
from strava_collector.http_answer import CONTINUE, Answer, render
from strava_collector.http_request import BadRequest, Fault, Request
from strava_collector.limits import Limits
from strava_collector.secret import Secret
from strava_collector.selector_server import SelectorServer
from strava_collector.sink import NotificationSink, Question, Reply
from strava_collector.webhook import Notification, Receipt

logger = logging.getLogger(__name__)


class WebhookServer(SelectorServer):
    """Answers the callback URL's path and ``/health``; see :class:`SelectorServer` for its life."""

    def __init__(
        self,
        address: tuple[str, int],
        family: socket.AddressFamily,
        *,
        callback_path: str,
        verify_token: Secret,
        tls: Optional[ssl.SSLContext],
        also: Sequence[tuple[str, socket.AddressFamily]] = (),
        store: NotificationSink,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._callback_path = callback_path
        self._verify_token = verify_token
        #: Paths that were the callback URL's before; another thread may put another set here.
        self.former_paths: frozenset[str] = frozenset()
        self._store = store
        #: Connections whose question has not been put to the store yet.
        self._asking: deque[Connection] = deque()
        super().__init__(address, family, tls=tls, also=also, clock=clock, limits=limits)

    def on_input(self, connection: Connection) -> None:
        phase = connection.phase
        if phase is Phase.IDLE or phase is Phase.HEAD or phase is Phase.BODY:
            self._read(connection)
        elif phase is Phase.FLUSHING:
            if not connection.wants_write:
                self._part(connection)
        elif phase is not Phase.WAITING and connection.eof:  # in the handshake, or after everything was said
            self.close(connection)

    def _read(self, connection: Connection) -> None:
        reader = connection.reader
        try:
            request = reader.next_request()
        except BadRequest as refusal:
            self._refuse(connection, refusal.fault, is_head=refusal.is_head)
            return
        if request is not None:
            self._handle(connection, request)
        elif connection.eof:
            self.close(connection)
        elif reader.in_body:
            if connection.phase is not Phase.BODY:
                self._enter(connection, Phase.BODY, self.limits.body)
                if reader.wants_continue:
                    connection.send(CONTINUE)
        elif reader.in_request and connection.phase is not Phase.HEAD:
            self._enter(connection, Phase.HEAD, self.limits.head)

    def _enter(self, connection: Connection, phase: Phase, limit: float) -> None:
        """Note that a request has come further, and how many seconds the next step may take."""
        now = self.clock.monotonic()
        if connection.phase is Phase.IDLE:
            connection.request_deadline = now + self.limits.request
        connection.phase = phase
        self.set_deadline(connection, min(now + limit, connection.request_deadline))

    def _handle(self, connection: Connection, request: Request) -> None:
        connection.head = request.head
        if connection.is_behind_proxy:
            connection.address = client_address(request.head.forwarded_for, connection.peer)
        outcome = decide(
            request,
            callback_path=self._callback_path,
            verify_token=self._verify_token,
            former_paths=self.former_paths,
        )
        if isinstance(outcome, Answer):
            self._answer(connection, outcome)
        elif isinstance(outcome, Met):
            # The answer first: it waits for nobody, least of all for the store.
            self._answer(connection, outcome.answer)
            self._note(outcome.digest)
        else:
            self._enter(connection, Phase.WAITING, self.limits.request)
            self._ask(connection, outcome)

    def _ask(self, connection: Connection, question: Question) -> None:
        """Have a question put to the store; :meth:`on_reply` gets its reply."""
        connection.ticket += 1
        connection.question = question
        self._asking.append(connection)

    def _note(self, digest: str) -> None:
        try:
            self._store.note(digest)
        except Exception as error:
            logger.error(logfmt.line("challenge_not_noted", error=type(error).__name__, at=raised_at(error)))

    def before_long_work(self) -> None:
        """Give the store all questions that have come up, at once.

        Given one by one, the first would wake the store's thread, which would then fight for the interpreter with
        this one while it reads the others, and commit that first one alone.
        """
        while self._asking:
            connection = self._asking.popleft()
            question = connection.question
            if connection.phase is not Phase.WAITING or question is None:
                continue  # it has gone meanwhile
            done = partial(self.mailbox.post, connection.serial, connection.ticket)
            try:
                if isinstance(question, Notification):
                    self._store.submit(question, done)
                else:
                    self._store.healthy(done)
            except Exception as error:
                # Against the contract, but whatever it is, Strava must hear that the notification is not stored.
                done(StoreUnavailable(f"The store failed with {type(error).__name__}."))

    def on_reply(self, connection: Connection, reply: Reply) -> None:
        question, connection.question = connection.question, None
        if isinstance(reply, bool):
            self._answer(connection, health_answer(reply))
        elif isinstance(reply, Receipt):
            if isinstance(question, Notification) and logger.isEnabledFor(logging.DEBUG):
                logger.debug(_notification_line(question, reply))
            self._answer(connection, receipt_answer(reply))
        else:
            self.report(
                connection,
                "notification_refused",
                type(reply).__name__,
                level=logging.ERROR,
                reason=str(reply),
            )
            self._answer(connection, REFUSED)

    def on_deadline(self, connection: Connection) -> None:
        phase = connection.phase
        if phase is Phase.HEAD or phase is Phase.BODY:
            self._refuse(connection, Fault.TIMEOUT)
        elif phase is Phase.WAITING:
            # The store was to reply in far less time. If the notification is stored yet, its redelivery will be
            # recognised.
            connection.question = None
            self.report(connection, "notification_refused", "no_reply", level=logging.ERROR)
            self._answer(connection, REFUSED, last=True)
        else:
            if phase is Phase.HANDSHAKE:
                self.report(connection, "bad_request", "handshake", reason="timeout")
            connection.say_goodbye()
            self.close(connection)

    def _refuse(self, connection: Connection, fault: Fault, *, is_head: bool = False) -> None:
        """Answer what is no acceptable request, and end the connection: nobody knows where the next would begin."""
        connection.head = None
        connection.lingers = True
        self._answer(connection, fault_answer(fault), last=True, is_head=is_head)

    def _answer(self, connection: Connection, answer: Answer, *, last: bool = False, is_head: bool = False) -> None:
        head = connection.head
        if head is not None:
            is_head = head.method == "HEAD"
            last = last or not head.keep_alive
        last = last or connection.eof or self.is_finishing
        if answer.fault is not None:
            self.report(connection, "bad_request", answer.fault, status=answer.status)
        connection.address = connection.peer  # a proxy may send somebody else's request next
        connection.send(render(answer, now=self.clock.now(), close=last, is_head=is_head), last=last)
        if last or connection.wants_write:
            # Who does not even take an answer of 200 bytes gets no further ones.
            connection.phase = Phase.FLUSHING
            self.set_deadline(connection, self.clock.monotonic() + self.limits.farewell)
            if not connection.wants_write:
                self._part(connection)
            return
        connection.phase = Phase.IDLE
        self.set_deadline(connection, self.clock.monotonic() + self.limits.idle)
        self.touch(connection)
        if connection.reader.in_request:
            self.again(connection)

    def _part(self, connection: Connection) -> None:
        """Everything is sent: close, at once or when the client has stopped sending."""
        if connection.lingers and not connection.eof:
            connection.shut_down_sending()
            connection.phase = Phase.LINGERING
            self.set_deadline(connection, self.clock.monotonic() + self.limits.farewell)
        else:
            self.close(connection)


def _notification_line(notification: Notification, receipt: Receipt) -> str:
    """The log line of a stored notification. Only checked fields: no title, nothing a stranger could phrase."""
    return logfmt.line(
        f"notification_{receipt.value}",
        object_type=notification.object_type,
        object_id=notification.object_id,
        aspect_type=notification.aspect_type,
        owner_id=notification.owner_id,
        subscription_id=notification.subscription_id,
        event_time=notification.event_time,
    )
