"""`data/inputs/<kind>`: the stanzas of modular inputs, validated by the input's own script."""

from __future__ import annotations

from collections.abc import Mapping

from .authorization import Authorization
from .entities import Entity, Listing, RestFault, page, select
from .input_scripts import COMMON_ARGUMENTS, Scheme, ScriptFault, validate
from .inputs import Inputs
from .request import Request

_INTERNAL = ("output_mode", "count", "offset", "search", "sort_key", "sort_dir", "sort_mode", "f")
#: What a run gets to know about how it is started; no argument of the input.
_NOT_VALIDATED = ("name", "python.version", "python.required", "start_by_shell")


class InputsRest:
    def __init__(self, inputs: Inputs, schemes: Mapping[str, Scheme], authorization: Authorization) -> None:
        self._inputs = inputs
        self._schemes = schemes
        self._authorization = authorization

    def kinds(self, request: Request, rest: tuple[str, ...]) -> Listing:
        """`data/modular-inputs`: what the scripts said with `--scheme`."""
        entities = [
            Entity(
                kind,
                {
                    "title": scheme.title,
                    "description": scheme.description,
                    "streaming_mode": scheme.streaming_mode,
                    "endpoint": {"args": {name: {} for name in scheme.arguments}},
                },
                "data/modular-inputs",
            )
            for kind, scheme in self._schemes.items()
        ]
        return Listing("data/modular-inputs", entities)

    def stanzas(self, request: Request, rest: tuple[str, ...]) -> Listing:
        """List, create, read, change, remove, enable, disable; each change reaches the running process."""
        self._authorization.require(request.caller, "list_inputs")
        if not rest:
            return Listing("data/inputs", [Entity(kind, {}, "data/inputs") for kind in self._schemes])
        kind, names = rest[0], rest[1:]
        if kind not in self._schemes:
            raise RestFault(404, f"The input {kind} does not exist or could not be initialized.")
        if not names:
            return self._create(request, kind) if request.method == "POST" else self._list(request, kind)
        if names == ("_reload",):
            return Listing(f"data/inputs/{kind}")
        stanza = f"{kind}://{names[0]}"
        stored = self._inputs.configuration.find("inputs", stanza)
        if stored is None or not self._authorization.may_read(request.caller, stored.app, "inputs", stanza):
            raise RestFault(404, f"Could not find object id={names[0]}")
        if request.method != "GET":
            self._authorization.require_write(request.caller, stored.app, "inputs", stanza)
        if len(names) == 2 and names[1] in ("enable", "disable") and request.method == "POST":
            return self._change(kind, names[0], {"disabled": "0" if names[1] == "enable" else "1"})
        if len(names) > 1:
            raise RestFault(404, "Not Found")
        if request.method == "DELETE":
            return self._remove(request, kind, stanza)
        if request.method == "POST":
            return self._edit(request, kind, names[0])
        return self._one(kind, names[0])

    def _list(self, request: Request, kind: str) -> Listing:
        entities: list[Entity] = []
        for stanza in self._inputs.stanzas():
            stored = self._inputs.configuration.find("inputs", stanza)
            hidden = stored is None or not self._authorization.may_read(request.caller, stored.app, "inputs", stanza)
            if stanza.startswith(f"{kind}://") and not hidden:
                entities += self._one(kind, stanza.partition("://")[2]).entities
        return page(Listing(f"data/inputs/{kind}", select(entities, request.arguments)), request.arguments)

    def _one(self, kind: str, name: str) -> Listing:
        stanza = f"{kind}://{name}"
        stored = self._inputs.configuration.find("inputs", stanza)
        if stored is None:
            raise RestFault(404, f"Could not find object id={name}")
        content: dict[str, object] = dict(self._inputs.settings(stanza))
        content["disabled"] = not self._inputs.enabled(stanza)
        content.update({"eai:appName": stored.app, "eai:userName": "nobody"})
        scheme = self._schemes[kind]
        entity = Entity(
            name,
            content,
            f"data/inputs/{kind}",
            app=stored.app,
            removable=not stored.shipped,
            required=[argument for argument in scheme.required_on_create if argument != "name"],
            optional=[argument for argument in scheme.arguments if argument not in scheme.required_on_create],
            actions=("disable",) if self._inputs.enabled(stanza) else ("enable",),
        )
        return Listing(f"data/inputs/{kind}", [entity])

    def _create(self, request: Request, kind: str) -> Listing:
        name = request.first("name")
        settings = self._arguments(request, kind)
        missing = [wanted for wanted in self._schemes[kind].required_on_create if not request.first(wanted)]
        if not name or missing:
            listed = ", ".join(missing or ["name"])
            raise RestFault(400, f"The following required arguments are missing: {listed}.")
        if f"{kind}://{name}" in self._inputs.stanzas():
            raise RestFault(409, f"An object with name={name} already exists")
        if not self._inputs.configuration.has_app(request.app):
            raise RestFault(404, f"Application does not exist: {request.app}")
        self._authorization.require_write(request.caller, request.app, "inputs", f"{kind}://{name}")
        self._check(kind, name, settings)
        self._inputs.configuration.write("inputs", request.app, f"{kind}://{name}", settings)
        self._inputs.apply(f"{kind}://{name}")
        listing = self._one(kind, name)
        listing.status = 201
        return listing

    def _edit(self, request: Request, kind: str, name: str) -> Listing:
        settings = self._arguments(request, kind)
        self._check(kind, name, settings)
        return self._change(kind, name, settings)

    def _change(self, kind: str, name: str, settings: Mapping[str, str]) -> Listing:
        stored = self._inputs.configuration.find("inputs", f"{kind}://{name}")
        assert stored is not None
        self._inputs.configuration.write("inputs", stored.app, f"{kind}://{name}", settings)
        self._inputs.apply(f"{kind}://{name}")
        return self._one(kind, name)

    def _remove(self, request: Request, kind: str, stanza: str) -> Listing:
        stored = self._inputs.configuration.find("inputs", stanza)
        assert stored is not None
        if stored.shipped:
            raise RestFault(403, f"The stanza {stanza} is part of the app and cannot be removed.")
        if self._inputs.stops_before_removing:
            self._inputs.stop(stanza)
        self._inputs.configuration.remove("inputs", stored.app, stanza)
        self._inputs.stop(stanza)
        return self._list(request, kind)

    def _arguments(self, request: Request, kind: str) -> dict[str, str]:
        known = (*COMMON_ARGUMENTS, *self._schemes[kind].arguments)
        given = {name: values[0] for name, values in request.arguments.items() if name not in _INTERNAL}
        for name in given:
            if name not in known:
                raise RestFault(400, f'Argument "{name}" is not supported by this handler.')
        if "interval" in given:
            _check_interval(given["interval"])
        given.pop("name", None)
        return given

    def _check(self, kind: str, name: str, settings: Mapping[str, str]) -> None:
        """Let the script judge the stanza as it would be."""
        if not self._schemes[kind].use_external_validation:
            return
        inputs = self._inputs
        merged = {**inputs.settings(f"{kind}://{name}"), **settings}
        arguments = {key: value for key, value in merged.items() if key not in _NOT_VALIDATED}
        key = inputs.sessions.issue(inputs.sessions.USER)
        try:
            validate(
                inputs.installation,
                kind,
                name,
                arguments,
                server_uri=inputs.server_uri(),
                session_key=key,
                journal=inputs.journal,
            )
        except ScriptFault as fault:
            raise RestFault(400, str(fault)) from None
        finally:
            inputs.sessions.withdraw(key)


def _check_interval(value: str) -> None:
    try:
        seconds = float(value)
    except ValueError:
        raise RestFault(400, f"The interval {value!r} is no number of seconds.") from None
    if seconds < 0 and seconds != -1:
        raise RestFault(400, f"The interval {value!r} is neither -1 nor a number of seconds.")
