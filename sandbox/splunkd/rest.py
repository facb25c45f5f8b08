"""Which address of splunkd's REST interface is answered by what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Callable

from .authorization import Authorization
from .conf_rest import ConfRest
from .configuration import Configuration
from .entities import VERSION, Entity, Listing, RestFault, page, select
from .handlers import Endpoint, Handlers
from .inputs_rest import InputsRest
from .messages import COLLECTION as MESSAGES
from .messages import Messages
from .passwords import COLLECTION as PASSWORDS
from .passwords import Passwords
from .request import Request
from .sessions import Sessions

Answerer = Callable[[Request, tuple[str, ...]], Listing]
_OPEN = (("server", "info"), ("auth", "login"))


class Rest:
    """Answers a request with a Listing or a RestFault."""

    def __init__(
        self,
        *,
        configuration: Configuration,
        passwords: Passwords,
        messages: Messages,
        inputs: InputsRest,
        handlers: Handlers,
        sessions: Sessions,
        authorization: Authorization,
        host: str,
        guid: str,
    ) -> None:
        self._configuration = configuration
        self._passwords = passwords
        self._messages = messages
        self._handlers = handlers
        self._sessions = sessions
        self._authorization = authorization
        self._host = host
        self._guid = guid
        conf = ConfRest(configuration, authorization)
        self._routes: dict[tuple[str, ...], Answerer] = {
            ("properties",): conf.properties,
            ("configs",): conf.stanzas,
            ("data", "inputs"): inputs.stanzas,
            ("data", "modular-inputs"): inputs.kinds,
            ("data", "indexes"): self._indexes,
            ("storage", "passwords"): self._storage_passwords,
            ("messages",): self._bulletin,
            ("server", "info"): self._server_info,
            ("auth", "login"): self._log_in,
            ("authentication", "current-context"): self._current_context,
            ("apps", "local"): self._apps,
        }
        for path, endpoint in handlers.endpoints.items():
            self._routes[tuple(path.split("/"))] = self._handler(endpoint)

    def answer(self, request: Request) -> Listing:
        """Find who answers, and let them.

        Raises:
            RestFault: 401 without a valid session, 404 for an unknown address, or what the answer is.
        """
        if request.session_key is None and request.path not in _OPEN:
            raise RestFault(401, "call not properly authenticated", "WARN")
        if request.path[-1:] == ("_validateName",):
            return Listing("_validateName", [Entity("_validateName", {"is_valid": "true"}, "_validateName")])
        for length in range(len(request.path), 0, -1):
            answerer = self._routes.get(request.path[:length])
            if answerer is not None:
                return answerer(request, request.path[length:])
        raise RestFault(404, "Not Found")

    def _handler(self, endpoint: Endpoint) -> Answerer:
        def answer(request: Request, rest: tuple[str, ...]) -> Listing:
            capability = endpoint.capabilities.get(request.method)
            if capability is not None:
                self._authorization.require(request.caller, capability)
            action, name = _action(request, rest)
            return self._handlers.call(
                endpoint,
                action,
                name,
                request.arguments,
                session_key=request.session_key or "",
                owner=request.owner,
                app=request.app,
            )

        return answer

    def _storage_passwords(self, request: Request, rest: tuple[str, ...]) -> Listing:
        reading = request.method == "GET"
        self._authorization.require(request.caller, f"{'list' if reading else 'edit'}_storage_passwords")
        action, name = _action(request, rest)
        store = self._passwords
        if action == "create":
            if not self._configuration.has_app(request.app):
                raise RestFault(404, f"Application does not exist: {request.app}")
            return Listing(PASSWORDS, [store.create(request.app, _own(request))], status=201)
        if action == "list" and not name:
            return page(Listing(PASSWORDS, select(store.all(), request.arguments)), request.arguments)
        assert name is not None
        if action == "list":
            return Listing(PASSWORDS, [store.find(name)])
        if action == "edit":
            return Listing(PASSWORDS, [store.update(name, _own(request))])
        store.remove(name)
        return page(Listing(PASSWORDS, store.all()), request.arguments)

    def _bulletin(self, request: Request, rest: tuple[str, ...]) -> Listing:
        action, name = _action(request, rest)
        if action == "create":
            return Listing(MESSAGES, [self._messages.create(_own(request))], status=201)
        if action == "remove":
            self._messages.remove(name or "")
        elif name:
            return Listing(MESSAGES, [self._messages.find(name)])
        return page(Listing(MESSAGES, select(self._messages.entities(), request.arguments)), request.arguments)

    def _indexes(self, request: Request, rest: tuple[str, ...]) -> Listing:
        action, name = _action(request, rest)
        stanzas = self._configuration.read("indexes")
        if action == "create":
            self._authorization.require(request.caller, "indexes_edit")
            if not name or name in stanzas:
                raise RestFault(409 if name else 400, f"An object with name={name} already exists")
            self._configuration.write("indexes", "search", name, {})
            return Listing("data/indexes", [_index_entity(name)], status=201)
        if name is not None and name not in stanzas:
            raise RestFault(404, f"Could not find object id={name}")
        if action not in ("list", "edit"):
            raise RestFault(405, "Method Not Allowed")
        names = [name] if name else [stanza for stanza in stanzas if stanza != "default"]
        entities = [_index_entity(index) for index in sorted(names)]
        return page(Listing("data/indexes", select(entities, request.arguments)), request.arguments)

    def _server_info(self, request: Request, rest: tuple[str, ...]) -> Listing:
        content: dict[str, object] = {
            "build": "sandbox",
            "cpu_arch": "x86_64",
            "guid": self._guid,
            "host": self._host,
            "isFree": False,
            "isTrial": False,
            "kvStoreStatus": "ready",
            "mode": "normal",
            "os_name": "Linux",
            "product_type": "enterprise",
            "serverName": self._host,
            "server_roles": ["indexer", "license_master", "kv_store"],
            "version": VERSION,
        }
        return Listing("server/info", [Entity("server-info", content, "server/info", removable=False)])

    def _log_in(self, request: Request, rest: tuple[str, ...]) -> Listing:
        key = self._sessions.log_in(request.first("username"), request.first("password"))
        if request.method != "POST" or key is None:
            raise RestFault(401, "Login failed", "WARN")
        raise LoggedIn(key)

    def _current_context(self, request: Request, rest: tuple[str, ...]) -> Listing:
        content = {
            "username": request.caller,
            "realname": request.caller.capitalize(),
            "roles": list(self._authorization.roles(request.caller)),
            "capabilities": self._authorization.capabilities(request.caller),
        }
        return Listing("authentication/current-context", [Entity("context", content, "authentication/current-context")])

    def _apps(self, request: Request, rest: tuple[str, ...]) -> Listing:
        names = [name for name in self._configuration.apps() if not rest or name == rest[0]]
        if rest and not names:
            raise RestFault(404, f"Could not find object id={rest[0]}")
        entities = [Entity(name, self._app(name), "apps/local") for name in names]
        return page(Listing("apps/local", entities), request.arguments)

    def _app(self, name: str) -> dict[str, object]:
        content: dict[str, object] = {"disabled": False, "label": name, "visible": True}
        install = self._configuration.read("app").get("install")
        if install is not None and install.app == name:
            content["build"] = install.settings.get("build", "")
        return content


class LoggedIn(Exception):
    """The answer to a log in is no listing: it holds the new key."""

    def __init__(self, key: str) -> None:
        super().__init__("logged in")
        self.key = key


def _action(request: Request, rest: tuple[str, ...]) -> tuple[str, str | None]:
    """The EAI action and the entity's name of a method and what follows the collection in the path."""
    name = rest[0] if rest else None
    if rest[-1:] == ("_reload",):
        return "_reload", None
    if len(rest) > 1:
        raise RestFault(404, "Not Found")
    if request.method == "GET":
        return "list", name
    if request.method == "POST":
        if name is not None:
            return "edit", name
        if not request.first("name"):
            raise RestFault(400, "The following required arguments are missing: name.")
        return "create", request.first("name")
    if request.method == "DELETE" and name is not None:
        return "remove", name
    raise RestFault(405, "Method Not Allowed")


def _own(request: Request) -> Mapping[str, list[str]]:
    """The arguments without those that say how to answer."""
    return {name: list(values) for name, values in request.arguments.items() if name not in ("output_mode", "count")}


def _index_entity(name: str) -> Entity:
    content = {"datatype": "event", "disabled": False, "isInternal": name.startswith("_")}
    return Entity(name, content, "data/indexes")
