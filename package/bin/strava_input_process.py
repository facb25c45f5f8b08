"""One process of an input, as splunkd starts it: from splunkd's protocol to the collector's service and back.

The same for every kind of input. A kind's own module (``strava_webhook_helper``, ``strava_activities_helper``) says how
its service is made.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable, Optional, Protocol, TypeVar

from solnlib.orphan_process_monitor import OrphanProcessMonitor
from solnlib.utils import handle_teardown_signals
from splunklib import modularinput

from strava_collector.clock import Clock, SystemClock
from strava_collector.collecting import Host
from strava_collector.errors import CollectorError, as_text
from strava_collector.input_faults import Surroundings
from strava_collector.log import log_to_input_file, set_level
from strava_collector.logfmt import line
from strava_collector.loose_tokens import LooseTokens, look_quietly
from strava_collector.macro import MacroKeeper
from strava_collector.messages import SplunkMessages
from strava_collector.ports import ERROR, Messages, SessionExpired
from strava_collector.redaction import Redaction
from strava_collector.revocation import revoke
from strava_collector.row_lock import RowsBusy, alone
from strava_collector.settings import Settings
from strava_collector.splunk_config import ACCOUNTS, APP, APPLICATIONS, Reader
from strava_collector.splunk_output import SplunkOutput
from strava_collector.splunkd import Splunkd
from strava_collector.store_folder import beside_checkpoints
from strava_collector.token_store import PendingConsents, TokenStore

log = logging.getLogger("strava_collector.input")

_Input = TypeVar("_Input")

#: Seconds between attempts to read an input's configuration that cannot be used.
CONFIGURATION_RETRY = 15.0

#: Seconds between looks at tokens that belong to no row; who is just being connected needs less.
LOOSE_TOKENS_EVERY = 600.0

#: Seconds for which a thread keeps the interpreter while another one wants it; Python by itself takes ten times that.
#: The listener asks for it after each system call (docs/decisions/0011-a-short-turn.md).
SWITCH_INTERVAL = 0.0005

#: Seconds for the end of the stream to be written when the input stops.
END_PATIENCE = 1.0


class Faults(Protocol):
    """Finds all faults of an input that is being saved."""

    def __call__(
        self, name: str, params: Mapping[str, Optional[str]], around: Surroundings, *, now: float
    ) -> list[str]: ...


class Service(Protocol):
    """The running input."""

    def run(self, stop: threading.Event) -> None: ...


def validate(definition: modularinput.ValidationDefinition, faults: Faults) -> None:
    """Check an input that is being saved. Raises ValueError with all faults in one text, which the page shows.

    Asks splunkd a few things; takes well below a second, and a few if splunkd does not answer. Encrypted fields are
    stars here; the page's own handler has seen them.
    """
    metadata = definition.metadata
    reader = Reader.for_saving(metadata["server_uri"], metadata["session_key"])
    found = faults(metadata.get("name") or "", definition.parameters, reader.surroundings(), now=SystemClock().now())
    if found:
        raise ValueError(as_text(found))


def stream(
    inputs: modularinput.InputDefinition,
    event_writer: modularinput.EventWriter,
    make: Callable[[Process], Optional[Service]],
) -> None:
    """Run the input until splunkd ends it or goes away.

    ``make`` returns the service, or None if the input is stopped before it can be configured.
    """
    ((stanza, params),) = inputs.inputs.items()  # one process for each stanza, as the scheme says
    name = stanza.partition("://")[2]
    sys.setswitchinterval(SWITCH_INTERVAL)
    redaction = Redaction()
    log_to_input_file(name, redaction)
    stop = _stop_on_signals()
    monitor = OrphanProcessMonitor(stop.set)
    monitor.start()
    output = SplunkOutput(event_writer)
    failed = False
    try:
        service = make(Process(name, params, inputs.metadata, output, redaction, stop))
        if service is not None:
            service.run(stop)
    except SessionExpired as error:
        log.warning(line("input_ends", reason=str(error)))
    except CollectorError as error:
        log.error(line("input_ends", reason=str(error)))
    except Exception:
        # Not left to splunklib, which would write the traceback to stderr, where nothing is masked.
        log.exception(line("input_failed"))
        failed = True
    monitor.stop()
    has_ended = output.close(END_PATIENCE)
    if failed or not has_ended:
        # A pipe that nobody reads would hold the interpreter's own end, too, until splunkd kills it.
        logging.shutdown()
        os._exit(1 if failed else 0)


class Process:
    """What a service is made of, whatever its kind."""

    def __init__(
        self,
        name: str,
        params: dict[str, Any],
        metadata: dict[str, str],
        output: SplunkOutput,
        redaction: Redaction,
        stop: threading.Event,
    ) -> None:
        splunkd = Splunkd(metadata["server_uri"], metadata["session_key"], APP)
        self.name = name
        self._params = params
        self._stop = stop
        self.reader = Reader(splunkd, register=redaction.register)
        clock, folder = SystemClock(), beside_checkpoints(metadata["checkpoint_dir"])
        token_store = TokenStore(splunkd, register=redaction.register)
        self.host = Host(
            configuration=_Configuration(
                self.reader,
                _loose_tokens(splunkd, self.reader, token_store, redaction, folder, clock),
                MacroKeeper(splunkd, clock).follow,
                clock,
            ),
            token_store=token_store,
            sink=output,
            messages=SplunkMessages(splunkd),
            folder=folder,
            clock=clock,
        )

    def configured(self, read: Callable[[str, dict[str, Any]], _Input]) -> Optional[_Input]:
        """Return the input's configuration, which ``read(name, params)`` returns; see :func:`configured`."""
        return configured(self.name, lambda: read(self.name, self._params), self.host.messages, self._stop)


def configured(name: str, read: Callable[[], _Input], messages: Messages, stop: threading.Event) -> Optional[_Input]:
    """Return the input's configuration; None if the input is stopped before there is a usable one.

    What the process was started with does not change, but splunkd may be starting still, or the secret may be entered
    again. A process that ended instead would be started again and again, with the same fault each time.
    """
    message, reported = f"ta_strava_webhook_{name}_input", ""
    while not stop.is_set():
        try:
            found = read()
        except SessionExpired:
            raise
        except CollectorError as error:
            if str(error) != reported:
                reported = str(error)
                log.error(line("problem", topic="input", error=reported))
                messages.post(message, f"{name}: {reported} The input waits until this is corrected.", ERROR)
            stop.wait(CONFIGURATION_RETRY)
        else:
            messages.clear(message)
            return found
    return None


class _Configuration:
    """The service's ``Configuration``. What else is due now and then is done on the way."""

    def __init__(
        self,
        reader: Reader,
        see_to_loose_tokens: Callable[[], None],
        keep_macro: Callable[[Settings], None],
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._keep_macro = keep_macro
        self._see_to_loose_tokens = see_to_loose_tokens
        self._clock = clock
        self._due_at = 0.0

    def settings(self) -> Settings:
        settings = self._reader.settings()
        set_level(settings.log_level)
        self._keep_macro(settings)
        if self._clock.monotonic() >= self._due_at:
            self._due_at = self._clock.monotonic() + LOOSE_TOKENS_EVERY
            look_quietly(self._see_to_loose_tokens)
        return settings


class _Rows:
    """The rows of Athletes and Applications, as splunkd stores them."""

    def __init__(self, splunkd: Splunkd) -> None:
        self._splunkd = splunkd

    def applications(self) -> dict[str, dict[str, str]]:
        return self._splunkd.stanzas(APPLICATIONS)

    def athletes(self) -> Optional[dict[str, dict[str, str]]]:
        return self._splunkd.stanzas_if_known(ACCOUNTS)

    def update_athlete(self, name: str, fields: dict[str, str]) -> None:
        self._splunkd.update_stanza(ACCOUNTS, name, fields)


def _loose_tokens(
    splunkd: Splunkd, reader: Reader, tokens: TokenStore, redaction: Redaction, folder: Path, clock: Clock
) -> Callable[[], None]:
    """Return what looks for tokens without a row, unless a page or another input changes rows just now."""
    loose_tokens = LooseTokens(
        rows=_Rows(splunkd),
        tokens=tokens,
        pending=PendingConsents(splunkd, clock, register=redaction.register),
        revoke=lambda application, given: revoke(reader.settings(), clock, application, given),
        clock=clock,
    )

    def look() -> None:
        try:
            with alone(folder, patience=0.0):
                loose_tokens.look()
        except RowsBusy:
            return

    return look


def _stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set.

    The handler itself must not set it: it interrupts the main thread anywhere, also while that thread is inside the
    event and holds its lock. ``SimpleQueue.put`` is made for such a place; a thread does the rest.
    """
    stop = threading.Event()
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()
    handle_teardown_signals(lambda number, _frame: signals.put(number))

    def wait_for_signal() -> None:
        log.info(line("signal", number=signals.get()))
        stop.set()

    threading.Thread(target=wait_for_signal, name="signals", daemon=True).start()
    return stop
