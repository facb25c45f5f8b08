"""All faults of an input *Strava Webhook*, found together, each a sentence in the words of the page.

One function for everything that saves an input: the page's REST handler and splunkd's own validation. What has to be
asked of splunkd is passed in; the files and the port are looked at here. Nothing outside this host is called.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Optional, Protocol
from urllib.parse import urlsplit

from strava_collector.certificate import key_file_faults
from strava_collector.certificate_faults import certificate_faults
from strava_collector.configuration import (
    NAME,
    NAME_FAULT,
    PORT,
    Stanza,
    control_character_faults,
    enabled_inputs,
)
from strava_collector.input_stanza import webhook_shape_faults
from strava_collector.port_probe import bind_error
from strava_collector.settings import LOCAL_PROXY, NOTHING, PROXY, EnabledInput

#: What UCC shows, and splunkd stores, instead of an encrypted field.
MASK = "******"

#: The port of an https URL that names none.
HTTPS_PORT = 443

#: What is refused is quoted in pages and logs, and nowhere may it become markup.
_HARMLESS = str.maketrans("<>", "‹›")
#: Longer names are cut where they are quoted.
_LONGEST_QUOTE = 100

#: What splunkd demands of a new input; and what only we can demand, because plain HTTP does without.
_DEMANDED = ("application", "callback_url", "port")
_NEEDED_FOR_TLS = ("cert_file", "key_file")

#: Whoever enters a certificate may believe that this port speaks TLS.
_NO_TLS = (
    "With a reverse proxy on this host that speaks plain HTTP with this port, the input uses no certificate: empty the "
    "fields for certificate and private key, or choose something else in “In front of this port”."
)

_VERIFY_TOKEN = re.compile(r"[!-~]{8,200}\Z")


class TryPort(Protocol):
    """Tells what :func:`~strava_collector.port_probe.bind_error` tells."""

    def __call__(self, port: int, *, loopback: bool = False) -> Optional[OSError]: ...


@dataclass(frozen=True)
class Surroundings:
    """What splunkd knows around an input. None is not known, and nothing is judged by it."""

    #: Names of the applications.
    applications: Optional[Collection[str]] = None
    #: All inputs *Strava Webhook* as they are stored, by name; and all inputs *Strava Activities*.
    inputs: Optional[Mapping[str, Stanza]] = None
    activities_inputs: Optional[Mapping[str, Stanza]] = None
    #: The rows of *Athletes* as they are stored, by name.
    athletes: Optional[Mapping[str, Stanza]] = None
    #: Names of the enabled indexes that take events. None also where events are forwarded: they need not be here.
    indexes: Optional[Collection[str]] = None
    #: The authorities of *Configuration → Advanced*.
    ca_file: Optional[str] = None


def input_faults(
    name: str,
    params: Mapping[str, Optional[str]],
    around: Surroundings,
    *,
    now: float,
    try_port: TryPort = bind_error,
) -> list[str]:
    """Return all faults of an input that is being saved.

    ``params`` is the stanza as it would be. A parameter that is not passed at all is not judged: splunkd leaves out
    what it fills in itself. But where everything is that it demands of a new input, certificate and key must be, too.
    ``now`` is in epoch seconds. Takes milliseconds.
    """
    faults = name_faults(name, around.inputs, {"Strava Activities": around.activities_inputs})
    # Values with control characters are not looked at further: they must not be quoted either.
    faults += control_character_faults(params)
    stanza = readable(params)
    is_whole = all(field in stanza for field in _DEMANDED)
    left_out = [field for field in _NEEDED_FOR_TLS if is_whole and field not in params]
    faults += webhook_shape_faults(stanza, judged=[*stanza, *left_out])
    faults += _token_faults(stanza)
    faults += _existence_faults(stanza, around)
    own = (around.inputs or {}).get(name)
    enabled = {one.name: one for one in enabled_inputs(around.inputs or {})}
    if own is None or name in enabled:  # a disabled one may be prepared while another is still in its place
        faults += rival_faults(name, _newly_wanted(stanza, own), enabled.values())
    port = _port_of(stanza)
    if port is not None:
        faults += _callback_port_faults(stanza, port)
        is_ours = name in enabled and enabled[name].port == str(port)
        is_taken = any(one.port == str(port) for one in enabled.values())
        if not is_ours:
            error = try_port(port, loopback=stanza.get("in_front") == LOCAL_PROXY)
            faults += _port_faults(error, port, in_use_counts=around.inputs is not None and not is_taken)
    faults += _file_faults(stanza, around.ca_file, now)
    return [harmless(fault) for fault in faults]


def harmless(fault: str) -> str:
    """Return a fault without signs that begin markup, wherever it is shown."""
    return fault.translate(_HARMLESS)


def readable(params: Mapping[str, Optional[str]]) -> dict[str, str]:
    """Return the values without blanks around them, and without those that must not be quoted."""
    return {key: (value or "").strip() for key, value in params.items() if (value or "").strip().isprintable()}


def name_faults(
    name: str,
    own_kind: Optional[Mapping[str, Stanza]],
    other_kinds: Mapping[str, Optional[Mapping[str, Stanza]]],
) -> list[str]:
    """Return what is wrong with the name of an input that is being saved.

    The store, the lock of the process and the log file know an input by its name alone. Two of one name that exist
    already, made by hand, can be edited.
    """
    if not NAME.match(name):
        return [NAME_FAULT]
    if name in (own_kind or {}):
        return []
    return [
        f"There is an input {title} with the name “{name}” already: choose another name."
        for title, inputs in other_kinds.items()
        if name in (inputs or {})
    ]


def _newly_wanted(stanza: Stanza, own: Optional[Stanza]) -> Stanza:
    """Leave out what the input has already. Two may collide as they are, saved in the same moment or by hand: then
    each must be editable, or neither could be mended."""
    return {field: value for field, value in stanza.items() if own is None or own.get(field, "").strip() != value}


def rival_faults(name: str, stanza: Stanza, enabled: Collection[EnabledInput]) -> list[str]:
    """Return a fault for each enabled input that wants what this one wants: the application's athletes, or the port."""
    faults = []
    application, port = (stanza.get(field, "").strip() for field in ("application", "port"))
    for other in enabled:
        if other.name == name:
            continue
        if application and other.application == application:
            faults.append(
                f"The input “{other.name}” is enabled for the application “{application}” already, and an application "
                "can have only one: disable or delete that input, or choose another application."
            )
        if port and other.port == port:
            faults.append(
                f"The port {port} belongs to the input “{other.name}”: choose another port, or disable that input."
            )
    return faults


def _token_faults(stanza: Stanza) -> list[str]:
    token = stanza.get("verify_token")
    if token is None or token == MASK:  # it stays as it is, and is not shown to us
        return []
    if not token:
        return ["The verify token is missing."]
    if not _VERIFY_TOKEN.match(token):
        return ["The verify token must have 8 to 200 characters (letters, digits and signs of ASCII) and no blanks."]
    return []


def _existence_faults(stanza: Stanza, around: Surroundings) -> list[str]:
    application, index = stanza.get("application", ""), stanza.get("index", "")
    return application_faults(application, around) + index_faults(index, around)


def application_faults(application: str, around: Surroundings) -> list[str]:
    """Return a fault if there is no such application; an empty name is not judged."""
    if not application or around.applications is None or application in around.applications:
        return []
    return [
        f"There is no application {quoted(application)}. Create it on Configuration → Applications, or choose another."
    ]


def index_faults(index: str, around: Surroundings) -> list[str]:
    """Return a fault if there is no such index, for an input or an athlete; an empty name is not judged."""
    if not index or around.indexes is None or index in around.indexes:
        return []
    return [
        f"There is no index {quoted(index)} on this host, or it is disabled or for metrics. Create it in Settings → "
        "Indexes, or choose another."
    ]


def quoted(text: str) -> str:
    """Return a text as it is quoted in a fault: not too long, and without signs that begin markup."""
    return f"“{text[:_LONGEST_QUOTE].translate(_HARMLESS)}”"


def _port_of(stanza: Stanza) -> Optional[int]:
    text = stanza.get("port", "")
    port = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    return port if PORT[0] <= port <= PORT[1] else None


def _callback_port_faults(stanza: Stanza, port: int) -> list[str]:
    if (stanza.get("in_front") or NOTHING) != NOTHING:
        return []
    try:
        url = urlsplit(stanza.get("callback_url", ""))
        called = HTTPS_PORT if url.port is None else url.port
    except ValueError:
        return []  # a fault that has been found already
    if url.scheme != "https" or not url.hostname or called in (0, port):  # no URL names the port 0: found already
        return []
    named = f"names the port {called}" if url.port is not None else f"names no port, which means {called}"
    return [
        f"The callback URL {named}, but the input listens on port {port}. Write https://{_bracketed(url.hostname)}:"
        f"{port}/… , or say in “In front of this port” what forwards one to the other."
    ]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _port_faults(error: Optional[OSError], port: int, *, in_use_counts: bool) -> list[str]:
    if error is None:
        return []
    if error.errno == errno.EADDRINUSE:
        return (
            [f"The port {port} is in use by another program: stop that program or choose another port."]
            if in_use_counts
            else []
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return [
            f"The port {port} may not be used by the user that runs Splunk: choose one above 1023 and have the "
            "firewall or a proxy forward to it."
        ]
    return [f"The port {port} cannot be used ({error.strerror or 'unknown error'}): choose another port."]


def _file_faults(stanza: Stanza, ca_file: Optional[str], now: float) -> list[str]:
    cert_file, key_file = stanza.get("cert_file", ""), stanza.get("key_file", "")
    if stanza.get("in_front") == LOCAL_PROXY:
        return [_NO_TLS] if cert_file or key_file else []
    if not cert_file:
        return key_file_faults(key_file) if key_file else []
    try:
        host = urlsplit(stanza.get("callback_url", "")).hostname
    except ValueError:
        host = None
    behind_proxy = stanza.get("in_front") == PROXY
    return certificate_faults(
        cert_file, key_file or None, host=host, behind_proxy=behind_proxy, ca_file=ca_file, now=now
    )
