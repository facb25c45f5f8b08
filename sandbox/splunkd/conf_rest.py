"""`properties/…` and `configs/conf-…`: conf files through REST."""

from __future__ import annotations

from .authorization import Authorization
from .configuration import Configuration, Stanza
from .entities import Entity, Listing, RestFault, page, select
from .request import Request

_NOT_SETTINGS = ("name", "output_mode", "count", "offset", "search", "sort_key", "sort_dir", "sort_mode", "f")


class ConfRest:
    """Shows what the caller may read, as if there were nothing else; changes what the caller may write."""

    def __init__(self, configuration: Configuration, authorization: Authorization) -> None:
        self._configuration = configuration
        self._authorization = authorization

    def properties(self, request: Request, rest: tuple[str, ...]) -> Listing:
        """`properties` lists the confs, `properties/<conf>` its stanzas; 404 for a conf without any file."""
        self._authorization.require(request.caller, "rest_properties_get")
        if not rest:
            if request.method == "POST":
                return self._create_conf(request)
            names = self._configuration.names()
        elif len(rest) == 1:
            if not self._configuration.exists(rest[0]):
                raise RestFault(404, f"{rest[0]} does not exist")
            names = list(self._readable(request, rest[0]))
        else:
            raise RestFault(404, "Not Found")
        collection = "/".join(("properties", *rest))
        return page(Listing(collection, [Entity(name, {}, collection) for name in names]), request.arguments)

    def stanzas(self, request: Request, rest: tuple[str, ...]) -> Listing:
        """`configs/conf-<conf>[/stanza]`: list, create, read, change, remove."""
        if not rest or not rest[0].startswith("conf-"):
            raise RestFault(404, "Not Found")
        conf, names = rest[0][len("conf-") :], rest[1:]
        if names[-1:] == ("_reload",):
            return Listing(f"configs/conf-{conf}")
        if not names:
            return self._create(request, conf) if request.method == "POST" else self._list(request, conf)
        if len(names) > 1 or request.method not in ("GET", "POST", "DELETE"):
            raise RestFault(404, "Not Found")
        stanza = self._readable(request, conf).get(names[0])
        if stanza is None:
            raise RestFault(404, f"Could not find object id={names[0]}")
        if request.method == "DELETE":
            return self._remove(request, conf, stanza)
        if request.method == "POST":
            self._authorization.require_write(request.caller, stanza.app, conf, stanza.name)
            self._configuration.write(
                conf, _writable_app(request, self._configuration), stanza.name, _settings(request)
            )
        return self._one(conf, stanza.name)

    def _readable(self, request: Request, conf: str) -> dict[str, Stanza]:
        return {
            name: stanza
            for name, stanza in self._configuration.read(conf).items()
            if self._authorization.may_read(request.caller, stanza.app, conf, name)
        }

    def _list(self, request: Request, conf: str) -> Listing:
        entities = [_entity(conf, stanza) for stanza in self._readable(request, conf).values()]
        return page(Listing(f"configs/conf-{conf}", select(entities, request.arguments)), request.arguments)

    def _one(self, conf: str, name: str) -> Listing:
        stanza = self._configuration.find(conf, name)
        assert stanza is not None
        return Listing(f"configs/conf-{conf}", [_entity(conf, stanza)])

    def _create(self, request: Request, conf: str) -> Listing:
        name = request.first("name")
        if not name:
            raise RestFault(400, "The following required arguments are missing: name.")
        if self._configuration.find(conf, name) is not None:
            raise RestFault(409, f"An object with name={name} already exists")
        app = _writable_app(request, self._configuration)
        self._authorization.require_write(request.caller, app, conf, name)
        self._configuration.write(conf, app, name, _settings(request))
        listing = self._one(conf, name)
        listing.status = 201
        return listing

    def _remove(self, request: Request, conf: str, stanza: Stanza) -> Listing:
        self._authorization.require_write(request.caller, stanza.app, conf, stanza.name)
        if stanza.shipped:
            raise RestFault(403, f"The stanza {stanza.name} is part of the app and cannot be removed.")
        self._configuration.remove(conf, stanza.app, stanza.name)
        return self._list(request, conf)

    def _create_conf(self, request: Request) -> Listing:
        name = request.first("__conf")
        if not name:
            raise RestFault(400, "The following required arguments are missing: __conf.")
        status = 303 if self._configuration.exists(name) else 201
        app = _writable_app(request, self._configuration)
        self._authorization.require_write(request.caller, app, name, "default")
        self._configuration.write(name, app, "default", {})
        return Listing("properties", status=status)


def _writable_app(request: Request, configuration: Configuration) -> str:
    """The app whose `local/` is written; a wildcard is none.

    Raises:
        RestFault: 404, there is no such app.
    """
    if request.app == "-" or not configuration.has_app(request.app):
        raise RestFault(404, f"Application does not exist: {request.app}")
    return request.app


def _settings(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in request.arguments.items() if name not in _NOT_SETTINGS}


def _entity(conf: str, stanza: Stanza) -> Entity:
    disabled = stanza.settings.get("disabled", "0").strip().lower() in ("1", "true")
    content: dict[str, object] = {**stanza.settings, "disabled": disabled}
    content.update({"eai:appName": stanza.app, "eai:userName": "nobody"})
    optional: list[str] = []
    return Entity(
        stanza.name,
        content,
        f"configs/conf-{conf}",
        app=stanza.app,
        removable=not stanza.shipped,
        optional=optional,
        actions=("disable",),
    )
