"""What is measured: the built input as splunkd runs it, and the servers that it is compared with."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Union

import psutil

from sandbox.certificates import Certificates, ServerCertificate
from sandbox.sandbox import Input, Sandbox, SandboxRefused, free_port
from sandbox.strava import Application, Athlete, Limits
from tests.bench.load import Target
from tests.support.waiting import until
from tools import environments, nginx

APP = environments.ROOT / "output" / "TA_strava_webhook"

#: The input's name in splunkd.
STANZA = "bench"

INPUT = "the built input"
NGINX = "nginx"
OLDER = "the older design"
UVICORN = "uvicorn"
STOCK = "http.server"

#: A server is at rest when it uses less than this much of a core.
_AT_REST = 0.05
_LOOK = 0.2

#: So often another port is tried.
_ATTEMPTS = 5

_NGINX = """
daemon off;
pid nginx.pid;
error_log stderr warn;
worker_processes {workers};
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port} ssl backlog=1024;
        ssl_certificate {certificate.cert_file};
        ssl_certificate_key {certificate.key_file};
        ssl_protocols TLSv1.3;
        # Neither has the listener any: they would cost a sixth of each handshake.
        ssl_session_tickets off;
        location / {{ return 200; }}
    }}
}}
"""


@dataclass
class BuiltInput:
    """The built add-on's input *Strava Webhook* with the defaults of its settings, and one connected athlete."""

    sandbox: Sandbox
    application: Application
    athlete: Athlete
    input: Input
    target: Target

    @property
    def process(self) -> psutil.Process:
        pid = self.sandbox.splunkd.inputs.pid(STANZA)
        if pid is None:
            raise RuntimeError("The input does not run.")
        return psutil.Process(pid)

    @property
    def store(self) -> Path:
        """The store's folder."""
        (file,) = self.sandbox.splunkd.home.rglob("ta_strava_webhook/strava.db")
        return file.parent


@contextmanager
def built_input(
    folder: Path,
    *,
    advanced: Optional[Mapping[str, Union[str, int, float]]] = None,
    limits: Optional[Limits] = None,
) -> Iterator[BuiltInput]:
    """Run it while the context lasts."""
    if not APP.is_dir():
        raise RuntimeError(f"{APP} is missing: `make package` builds it, `make bench` does that by itself.")
    with Sandbox(
        app=APP, folder=folder, python=Path(sys.executable), advanced=advanced, limits=limits, strict=False
    ) as sandbox:
        application = sandbox.add_application("Bench")
        athlete = sandbox.strava.add_athlete("Anna", "Bergström")
        sandbox.connect(athlete, "anna", application)
        made = _input(sandbox, application)
        sandbox.wait_until_healthy(made)
        subscription = sandbox.subscribe(application, made)
        path = made.callback_url.partition(f":{made.port}")[2]
        target = Target(INPUT, made.port, path, owner=athlete.id, subscription=subscription)
        yield BuiltInput(sandbox, application, athlete, made, target)


def _input(sandbox: Sandbox, application: Application) -> Input:
    """Others may take a free port before it is used: there are hundreds of connections here."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return sandbox.add_input(STANZA, application)
        except SandboxRefused as refusal:
            if "in use" not in str(refusal):
                raise
    return sandbox.add_input(STANZA, application)


class Rivals:
    """Starts the servers to compare with, each on a port of its own."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._stack = stack
        self._certificate: ServerCertificate = Certificates(folder / "certificates").issue("rivals")
        self.processes: dict[str, psutil.Process] = {}

    def nginx(self, workers: int) -> Target:
        """A bare ``return 200``: what the handshake alone costs."""
        executable = nginx.ready()
        if executable is None:
            raise RuntimeError(nginx.HOW_TO_GET_IT)
        port = free_port()
        folder = self._folder / f"nginx-{workers}"
        folder.mkdir()
        (folder / "nginx.conf").write_text(
            _NGINX.format(port=port, certificate=self._certificate, workers=workers), encoding="utf-8"
        )
        return self._start(NGINX, port, [str(executable), "-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr"])

    def python(self, name: str, module: str, *, stores: bool = True) -> Target:
        """One of ``tests/bench/rivals``, on the built input's Python."""
        port = free_port()
        command = [sys.executable, "-B", "-m", f"tests.bench.rivals.{module}", str(port)]
        command += [str(self._certificate.cert_file), str(self._certificate.key_file)]
        command += [str(self._folder / module)] if stores else []
        return self._start(name, port, command)

    def _start(self, name: str, port: int, command: list[str]) -> Target:
        child = subprocess.Popen(command)
        self._stack.callback(_end, child)
        self.processes[name] = psutil.Process(child.pid)
        until(lambda: _listens(port), 20)
        return Target(name, port)


def wait_until_at_rest(process: psutil.Process, seconds: float = 60.0) -> None:
    """Return when what a run has left to do is done: it would take its time from what is measured next."""
    deadline = time.monotonic() + seconds
    used = _cpu_seconds(process)
    while time.monotonic() < deadline:
        time.sleep(_LOOK)
        before, used = used, _cpu_seconds(process)
        if used - before < _AT_REST * _LOOK:
            return


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
