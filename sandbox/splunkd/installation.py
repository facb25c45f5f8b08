"""SPLUNK_HOME: the folder that an add-on lives in, with a Python of its own.

The interpreter is a virtual environment whose only package is the stand-in `splunk`, so that an add-on
which forgot to bundle something fails here as it would in Splunk. No PYTHONPATH is needed for that.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tarfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from .authorization import SHIPPED
from .configuration import render_conf

SPLUNK_MODULES = Path(__file__).resolve().parent.parent / "splunk_modules"

#: Lines of the ``.pth`` file that the interpreter of an installation reads before anything else. Whoever measures the
#: add-on's processes adds one.
PTH_LINES = [str(SPLUNK_MODULES)]

#: Folders of an add-on, and most of its files, that hold nothing which anybody writes into.
_NEVER_WRITTEN = ("appserver", "lib")

_ASK_PYTHON = (
    "import json, sys;print(json.dumps([getattr(sys, '_base_executable', sys.executable), list(sys.version_info[:2])]))"
)


class Installation:
    """The folders and files that exist before splunkd starts."""

    def __init__(self, home: Path, app: Path, python: Path, environment: Mapping[str, str]) -> None:
        """Lay out `home` and unpack the app, unchanged, into `etc/apps`.

        An existing `home` is kept as it is (its `local/` and `var/` too), only the app's own files are
        replaced: that is what an upgrade does.

        Args:
            home: becomes SPLUNK_HOME.
            app: the built folder, or the tarball that holds it.
            python: interpreter of the version to run the add-on with.
            environment: variables on top of those that splunkd sets (say TZ).
        """
        # Resolved, because the add-on finds its own name in the path of its files.
        self.home = home.resolve()
        self.etc = self.home / "etc"
        self.database = self.home / "var" / "lib" / "splunk"
        self.logs = self.home / "var" / "log" / "splunk"
        self.checkpoints = self.database / "modinputs"
        for folder in (self.etc / "auth", self.database, self.logs, self.checkpoints, self.etc / "apps" / "search"):
            folder.mkdir(parents=True, exist_ok=True)
        self.app = _unpack(app, self.etc / "apps")
        self.python, self.python_version = _make_python(self.home, python)
        self._extra = dict(environment)
        self.host = socket.gethostname()

    @property
    def app_folder(self) -> Path:
        return self.etc / "apps" / self.app

    def environment(self) -> dict[str, str]:
        """The variables of a process that splunkd starts; nothing of ours leaks into it."""
        return {
            "SPLUNK_HOME": str(self.home),
            "SPLUNK_DB": str(self.database),
            "SPLUNK_ETC": str(self.etc),
            "SPLUNK_SERVER_NAME": "Splunkd",
            "PATH": os.pathsep.join([str(self.home / "bin"), "/usr/local/bin", "/usr/bin", "/bin"]),
            "HOME": str(self.home),
            # No authorities but those that an add-on brings: what Splunk's OpenSSL has is not to be relied on. To load
            # the operating system's for each connection to splunkd would also be two thirds of a handler's work.
            "SSL_CERT_FILE": os.devnull,
            "SSL_CERT_DIR": os.devnull,
            **self._extra,
        }

    def write_system_conf(self, host_port: str) -> None:
        """The system's own settings, which scripts ask for to find splunkd."""
        default = self.etc / "system" / "default"
        local = self.etc / "system" / "local"
        default.mkdir(parents=True, exist_ok=True)
        local.mkdir(parents=True, exist_ok=True)
        server = {"general": {"serverName": self.host}, "sslConfig": {"enableSplunkdSSL": "true"}}
        (default / "server.conf").write_text(render_conf(server), encoding="utf-8")
        inputs = {"default": {"index": "default", "host": self.host}}
        (default / "inputs.conf").write_text(render_conf(inputs), encoding="utf-8")
        indexes: dict[str, dict[str, str]] = {
            name: {} for name in ("_audit", "_internal", "history", "main", "summary")
        }
        (default / "indexes.conf").write_text(render_conf(indexes), encoding="utf-8")
        (default / "authorize.conf").write_text(render_conf(SHIPPED), encoding="utf-8")
        web = {"settings": {"mgmtHostPort": host_port}}
        (local / "web.conf").write_text(render_conf(web), encoding="utf-8")


def _unpack(app: Path, apps: Path) -> str:
    if app.is_file():
        with tarfile.open(app) as archive:
            names = archive.getnames()
            tops = {name.split("/")[0] for name in names}
            if len(tops) != 1 or any(name.startswith("/") or ".." in name.split("/") for name in names):
                raise ValueError(f"{app} must hold exactly one folder, has {sorted(tops)}")
            # Nothing may leave the folder; older versions of Python do not have the filter.
            archive.extraction_filter = getattr(tarfile, "data_filter", None)
            archive.extractall(apps)
        return tops.pop()
    if not (app / "default" / "app.conf").is_file():
        raise ValueError(f"{app} is no built add-on: default/app.conf is missing")
    # `local` belongs to whoever uses Splunk, never to a package.
    for part in app.iterdir():
        if part.is_dir():
            copy = _name_again if part.name in _NEVER_WRITTEN else shutil.copy2
            shutil.copytree(part, apps / app.name / part.name, dirs_exist_ok=True, copy_function=copy)
        else:
            (apps / app.name).mkdir(exist_ok=True)
            shutil.copy2(part, apps / app.name)
    return app.name


def _name_again(source: str, target: str) -> None:
    """Give a file a second name, which takes a fifth of the time of a copy; a copy where that is not possible."""
    # An older version's file is replaced, not written into: it is another installation's, too.
    Path(target).unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # on another disk, or one that knows no second names
        shutil.copy2(source, target)


@lru_cache
def _ask_python(python: Path) -> tuple[str, int, int]:
    """The interpreter that a virtual environment would be made of, and its version; asked once by hundreds of tests."""
    told = subprocess.run([python, "-I", "-c", _ASK_PYTHON], check=True, capture_output=True, text=True)
    base, (major, minor) = json.loads(told.stdout)
    return base, major, minor


def _make_python(home: Path, python: Path) -> tuple[Path, tuple[int, int]]:
    """Make SPLUNK_HOME itself a virtual environment; returns its interpreter and version."""
    base, major, minor = _ask_python(python)
    bin_folder = home / "bin"
    packages = home / "lib" / f"python{major}.{minor}" / "site-packages"
    bin_folder.mkdir(exist_ok=True)
    packages.mkdir(parents=True, exist_ok=True)
    (home / "pyvenv.cfg").write_text(
        f"home = {Path(base).parent}\ninclude-system-site-packages = false\n", encoding="utf-8"
    )
    (packages / "splunk.pth").write_text("".join(f"{line}\n" for line in PTH_LINES), encoding="utf-8")
    ours = bin_folder / f"python{major}.{minor}"
    if not ours.exists():
        ours.symlink_to(base)
    return ours, (major, minor)
