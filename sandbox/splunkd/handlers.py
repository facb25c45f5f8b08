"""The app's own REST endpoints: Python scripts that splunkd starts and keeps.

restmap.conf says which endpoint is which script (`[admin:…]` with its members, `[admin_external:…]`). A
script runs in Splunk's Python with the stand-in `splunk.admin`, which reads a request per line and answers
each with a line. A process is kept and used again, as `handlerpersistentmode` has it.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.patience import patience

from .configuration import Configuration
from .entities import Entity, Listing, RestFault, page, select, window
from .installation import Installation
from .journal import Journal

#: splunkd gives up on a script that does not answer.
_PATIENCE = 60.0
#: How long a script may take when its input has ended. What is measured of it may have to be written down.
_END_SECONDS = 5.0
_INTERNAL = ("output_mode", "count", "offset", "search", "sort_key", "sort_dir", "sort_mode", "f", "summarize")


@dataclass(frozen=True)
class Endpoint:
    """One member of an `[admin:…]` stanza."""

    #: Path below `/servicesNS/<owner>/<app>/`.
    path: str
    script: Path
    #: create, edit, list, remove …
    actions: Sequence[str]
    #: What a caller needs for a method (GET, POST, DELETE); nothing for one that is not named.
    capabilities: Mapping[str, str] = field(default_factory=dict)


def find_endpoints(configuration: Configuration, app_folder: Path) -> dict[str, Endpoint]:
    """The app's endpoints by path.

    Raises:
        ValueError: restmap.conf names a member or a script that is not there.
    """
    stanzas = configuration.read("restmap")
    found: dict[str, Endpoint] = {}
    for name, stanza in stanzas.items():
        if not name.startswith("admin:"):
            continue
        match = stanza.settings.get("match", "/").strip("/")
        # Read here only: splunkd ignores what [admin_external:…] says of capabilities.
        capabilities = {
            setting[len("capability.") :].upper(): value
            for setting, value in stanza.settings.items()
            if setting.startswith("capability.")
        }
        for member in (part.strip() for part in stanza.settings.get("members", "").split(",")):
            external = stanzas.get(f"admin_external:{member}")
            if external is None:
                raise ValueError(f"restmap.conf: [{name}] has a member {member} without [admin_external:{member}]")
            script = app_folder / "bin" / external.settings["handlerfile"]
            if not script.is_file():
                raise ValueError(f"restmap.conf: {script.name} of {member} is not in bin/")
            actions = [part.strip() for part in external.settings.get("handleractions", "").split(",")]
            path = f"{match}/{member}" if match else member
            found[path] = Endpoint(path, script, actions, capabilities)
    return found


class Handlers:
    """Calls handlers; keeps their processes until `stop`."""

    def __init__(self, installation: Installation, endpoints: Mapping[str, Endpoint], journal: Journal) -> None:
        self.endpoints = endpoints
        self._installation = installation
        self._journal = journal
        self._lock = threading.Lock()
        self._idle: dict[str, list[_Process]] = {}
        self._all: list[_Process] = []
        self._stopped = False

    def call(
        self,
        endpoint: Endpoint,
        action: str,
        name: str | None,
        arguments: Mapping[str, Sequence[str]],
        *,
        session_key: str,
        owner: str,
        app: str,
    ) -> Listing:
        """Let the handler do it, with the caller's session.

        Raises:
            RestFault: what the handler refused, with the text that Splunk Web gets to see.
        """
        if action not in endpoint.actions and action != "_reload":
            raise RestFault(405, f"The action {action} is not allowed for {endpoint.path}.")
        given = {key: list(values) for key, values in arguments.items() if key not in _INTERNAL and key != "name"}
        offset, count = window(arguments)
        request = {
            "action": action,
            "offset": offset,
            "count": count,
            "id": name,
            "arguments": given,
            "session_key": session_key,
            "owner": owner,
            "app": app,
        }
        process = self._take(endpoint)
        try:
            answer = process.ask(request)
        except BaseException:
            process.stop()
            raise
        self._give_back(endpoint, process)
        if "error" in answer:
            raise RestFault(int(answer["status"]), str(answer["error"]))
        entities = [_entity(endpoint, app, entry) for entry in answer["entries"]]
        listing = Listing(endpoint.path, select(entities, arguments))
        if action == "create":
            listing.status = 201
        return page(listing, arguments)

    def stop(self) -> None:
        """End every process."""
        with self._lock:
            self._stopped = True
            processes, self._all, self._idle = self._all, [], {}
        for process in processes:
            process.stop()

    def _take(self, endpoint: Endpoint) -> _Process:
        with self._lock:
            if self._stopped:
                raise RestFault(503, "splunkd is shutting down.")
            idle = self._idle.get(endpoint.path)
            if idle:
                return idle.pop()
            process = _Process(endpoint.script, self._installation, self._journal)
            self._all.append(process)
            return process

    def _give_back(self, endpoint: Endpoint, process: _Process) -> None:
        with self._lock:
            if not self._stopped:
                self._idle.setdefault(endpoint.path, []).append(process)


class _Process:
    """One running script."""

    def __init__(self, script: Path, installation: Installation, journal: Journal) -> None:
        self._script = script
        self._journal = journal
        self._child = subprocess.Popen(
            [str(installation.python), str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=installation.environment(),
            cwd=installation.home,
            start_new_session=True,
        )
        self._said: list[str] = []
        self._listener = threading.Thread(target=self._read_errors, name=f"stderr of {script.name}", daemon=True)
        self._listener.start()

    def ask(self, request: Mapping[str, object]) -> dict[str, Any]:
        """Send one request and wait for its answer."""
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(request).encode() + b"\n")
            self._child.stdin.flush()
            line = self._read_line()
        except BrokenPipeError:
            line = b""
        if not line:
            self._listener.join(timeout=5)
            last = self._said[-1] if self._said else "no output"
            raise RestFault(500, f"The handler {self._script.name} ended without an answer: {last}")
        answer = json.loads(line)
        assert isinstance(answer, dict)
        return answer

    def stop(self) -> None:
        """End it: first by the end of its input, then by a signal."""
        child = self._child
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.close()
        except BrokenPipeError:
            self._journal.write("INFO", "ScriptRunner", f"{self._script.name} had ended before it was stopped")
        try:
            child.wait(timeout=patience(_END_SECONDS))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        self._listener.join(timeout=5)
        child.stdout.close()

    def _read_line(self) -> bytes:
        assert self._child.stdout is not None
        descriptor = self._child.stdout.fileno()
        deadline = time.monotonic() + patience(_PATIENCE)
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise RestFault(500, f"The handler {self._script.name} does not answer.")
                piece = os.read(descriptor, 65536)
                if not piece:
                    return b""
                line += piece
        return line

    def _read_errors(self) -> None:
        assert self._child.stderr is not None
        with self._child.stderr as errors:
            for raw in errors:
                line = raw.decode(errors="replace").rstrip()
                self._said.append(line)
                self._journal.write("ERROR", "PersistentScript", f"From {{{self._script}}}: {line}")


def _entity(endpoint: Endpoint, app: str, entry: Mapping[str, Any]) -> Entity:
    metadata = entry["metadata"]
    attributes = metadata.get("eai:attributes") or {}
    acl = metadata.get("eai:acl") or {}
    content: dict[str, object] = {
        "eai:appName": metadata.get("eai:appName") or app,
        "eai:userName": metadata.get("eai:userName") or "nobody",
    }
    for name, value in entry["content"].items():
        plain = value is None or isinstance(value, (bool, str, list, dict))
        content[name] = value if plain else str(value)
    return Entity(
        str(entry["name"]),
        content,
        endpoint.path,
        app=app,
        required=attributes.get("requiredFields") or (),
        optional=attributes.get("optionalFields") or (),
        acl={name: value for name, value in acl.items() if name not in ("app", "owner")},
    )
