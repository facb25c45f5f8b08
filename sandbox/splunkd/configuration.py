"""Conf files as splunkd layers them: default and local, of the system and of the apps.

Only what an add-on can observe through REST is kept: the merged stanzas, who owns them, and that a
change is written to `local/` of the app in whose context it was made. Comments in `local/` are lost
when a stanza is changed; nobody keeps any there.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

Stanzas = dict[str, dict[str, str]]

SYSTEM = "system"
_SETTING = re.compile(r"^([^=]+?)\s*=\s*(.*)$")


def parse_conf(text: str) -> Stanzas:
    """The stanzas of one file; settings above the first stanza belong to `default`.

    A backslash at the end of a line continues the value on the next line.
    """
    stanzas: Stanzas = {}
    stanza = "default"
    lines = iter(text.splitlines())
    for line in lines:
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if stripped.startswith("[") and stripped.endswith("]"):
            stanza = stripped[1:-1]
            stanzas.setdefault(stanza, {})
            continue
        found = _SETTING.match(stripped)
        if not found:
            continue
        name, value = found.groups()
        while value.endswith("\\"):
            value = value[:-1] + "\n" + next(lines, "").rstrip()
        stanzas.setdefault(stanza, {})[name] = value
    return stanzas


def render_conf(stanzas: Mapping[str, Mapping[str, str]]) -> str:
    """The text of one file, as `parse_conf` reads it."""
    parts = []
    for stanza, settings in stanzas.items():
        lines = [f"[{stanza}]"]
        lines += [f"{name} = {value}".replace("\n", "\\\n") for name, value in settings.items()]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


@dataclass(frozen=True)
class Stanza:
    """One stanza with all layers merged."""

    name: str
    settings: Mapping[str, str]
    #: The app whose files mention it ("system" if only the system's do).
    app: str
    #: True if a `default/` file mentions it: such a stanza can be changed but not removed.
    shipped: bool


class Configuration:
    """All conf files below `etc`."""

    def __init__(self, etc: Path) -> None:
        self._etc = etc
        self._lock = threading.RLock()
        #: What each file says, and which state of it that was: every request asks for some, and few ever change.
        self._read: dict[Path, tuple[tuple[int, int, int], Stanzas]] = {}

    def apps(self) -> list[str]:
        """Names of the installed apps, sorted."""
        return sorted(path.name for path in (self._etc / "apps").iterdir() if path.is_dir())

    def has_app(self, app: str) -> bool:
        return app == SYSTEM or (self._etc / "apps" / app).is_dir()

    def exists(self, conf: str) -> bool:
        """Whether any layer has a file of this name, which is what `properties/<conf>` tells."""
        return any((folder / f"{conf}.conf").is_file() for _, folder, _ in self._layers())

    def names(self) -> list[str]:
        """Every conf that has a file in some layer."""
        found = {path.stem for _, folder, _ in self._layers() for path in folder.glob("*.conf")}
        return sorted(found)

    def read(self, conf: str) -> dict[str, Stanza]:
        """The merged stanzas of a conf; empty if there is no such file.

        Every app exports its configuration (`export = system`), so that the caller's app does not
        matter here.
        """
        with self._lock:
            merged: dict[str, Stanza] = {}
            for app, folder, shipped in self._layers():
                for name, settings in self._load(folder / f"{conf}.conf").items():
                    before = merged.get(name)
                    merged[name] = Stanza(
                        name,
                        {**(before.settings if before else {}), **settings},
                        app if before is None or app != SYSTEM else before.app,
                        shipped or (before is not None and before.shipped),
                    )
            return merged

    def find(self, conf: str, name: str) -> Stanza | None:
        return self.read(conf).get(name)

    def write(self, conf: str, app: str, name: str, settings: Mapping[str, str]) -> None:
        """Merge settings into the stanza in `local/` of the app; creates stanza and file."""
        with self._lock:
            path = self._local(app) / f"{conf}.conf"
            stanzas = self._load(path)
            stanzas.setdefault(name, {}).update(settings)
            _replace(path, render_conf(stanzas))

    def remove(self, conf: str, app: str, name: str) -> None:
        """Take the stanza out of `local/` of the app."""
        with self._lock:
            path = self._local(app) / f"{conf}.conf"
            stanzas = self._load(path)
            stanzas.pop(name, None)
            _replace(path, render_conf(stanzas))

    def _layers(self) -> list[tuple[str, Path, bool]]:
        """(app, folder, shipped) from the weakest to the strongest layer."""
        system = self._etc / SYSTEM
        layers = [(SYSTEM, system / "default", True), (SYSTEM, system / "local", False)]
        for app in self.apps():
            folder = self._etc / "apps" / app
            layers += [(app, folder / "default", True), (app, folder / "local", False)]
        return layers

    def folder(self, app: str) -> Path:
        """The folder of an app, or of the system's own files."""
        return self._etc / SYSTEM if app == SYSTEM else self._etc / "apps" / app

    def _local(self, app: str) -> Path:
        return self.folder(app) / "local"

    def _load(self, path: Path) -> Stanzas:
        """The stanzas of a file, for the caller to keep; none if there is no such file."""
        try:
            status = path.stat()
        except FileNotFoundError:
            return {}
        state = (status.st_ino, status.st_mtime_ns, status.st_size)
        before = self._read.get(path)
        if before is None or before[0] != state:
            before = self._read[path] = state, parse_conf(path.read_text(encoding="utf-8"))
        return {stanza: dict(settings) for stanza, settings in before[1].items()}


def _replace(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new text, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)
