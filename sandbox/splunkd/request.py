"""A request to splunkd's REST interface, taken apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from .entities import RestFault


@dataclass(frozen=True)
class Request:
    """Method, address and arguments; query and form are one, as splunkd has it."""

    method: str
    #: Owner and app of `/servicesNS/<owner>/<app>/…`; nobody and system for `/services/…`.
    owner: str
    app: str
    #: The path behind that, decoded.
    path: tuple[str, ...]
    arguments: Mapping[str, Sequence[str]]
    #: None for a request without a valid one.
    session_key: str | None
    #: The caller, or "" for one that is not known.
    caller: str

    def first(self, name: str, default: str = "") -> str:
        """The first value of an argument."""
        return (self.arguments.get(name) or [default])[0]

    @property
    def json(self) -> bool:
        return self.first("output_mode") == "json"


def parse(method: str, target: str, body: bytes, session_key: str | None, caller: str) -> Request:
    """Take a request line and its form apart.

    The form is read as such whatever Content-Type says: solnlib sends forms labelled as JSON.

    Raises:
        RestFault: 404 for an address outside of the interface.
    """
    address, _, query = target.partition("?")
    arguments: dict[str, list[str]] = parse_qs(query, keep_blank_values=True)
    for name, values in parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True).items():
        arguments.setdefault(name, []).extend(values)
    # A slash within a name arrives as %2F or as %252F.
    segments = [unquote(part).replace("%2F", "/").replace("%2f", "/") for part in address.split("/") if part]
    owner, app = "nobody", "system"
    if segments[:1] == ["servicesNS"] and len(segments) > 3:
        owner, app, segments = segments[1], segments[2], segments[3:]
    elif segments[:1] == ["services"]:
        segments = segments[1:]
    else:
        raise RestFault(404, "Not Found")
    return Request(method, owner, app, tuple(segments), arguments, session_key, caller)
