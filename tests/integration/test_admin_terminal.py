"""The built command line at terminals, encodings, disks and servers that are not as one wishes."""

from __future__ import annotations

import contextlib
import os
import pty
import shlex
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from sandbox.patience import patience
from sandbox.sandbox import Sandbox
from tests.integration.conftest import GENEROUS
from tests.integration.test_admin_command import Shell

SECRET = "pass-3f1c-word"


@pytest.fixture(scope="module")
def shell(built_app: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """An input runs."""
    with Sandbox(
        app=built_app, folder=tmp_path_factory.mktemp("sandbox"), python=Path(sys.executable), limits=GENEROUS
    ) as sandbox:
        made = Shell(sandbox)
        sandbox.wait_until_healthy(sandbox.add_input("club", made.application))
        yield made


def redirected(shell: Shell, command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A command with what a shell puts behind it."""
    program = [str(shell.installation.python), str(shell.installation.app_folder / "bin" / "strava_admin.py")]
    return subprocess.run(
        ["sh", "-c", f"{shlex.join(program)} {command}"],
        env={**shell.installation.environment(), **environment},
        input=b"",
        capture_output=True,
        timeout=patience(60),
        check=False,
    )


def is_a_sentence(text: str) -> bool:
    return text.count("\n") == 1 and text.endswith(".\n") and "Traceback" not in text


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_a_terminal_without_our_characters_gets_others_in_their_place(
    shell: Shell, environment: dict[str, str]
) -> None:
    done = redirected(shell, f"jobs fetch 4711 --athlete-id {shell.anna.id} --input club", **environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"of the input \\u201cclub\\u201d" in done.stdout
    refused = redirected(shell, "check --splunkd https://127.0.0.1:1 --user Bj\xf6rn", **environment)
    assert refused.returncode in (2, 3)
    assert b"Traceback" not in refused.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("command", ["jobs list", "jobs counts --json", "--help", "jobs fetch --help"])
def test_an_answer_that_cannot_be_written_is_told(shell: Shell, command: str) -> None:
    done = redirected(shell, f"{command} >/dev/full")
    assert done.returncode == 3
    assert is_a_sentence(done.stderr.decode())
    assert "could not be written (No space left on device)" in done.stderr.decode()


def test_closed_streams_are_no_surprise(shell: Shell) -> None:
    closed = redirected(shell, "jobs list >&-")
    assert closed.returncode == 3
    assert closed.stderr.decode() == (
        "What was asked for is done, but the answer could not be written (standard output is closed).\n"
    )
    silent = redirected(shell, "check --splunkd https://127.0.0.1:1 <&-")
    assert (silent.returncode, silent.stdout) == (3, b"")
    assert is_a_sentence(silent.stderr.decode())
    assert "Standard input is closed." in silent.stderr.decode()
    assert redirected(shell, "jobs explode 2>&-").returncode == 2
    assert redirected(shell, "jobs list 0<&- 1>&- 2>&-").returncode == 3
    assert redirected(shell, "jobs list | head -c 1").stderr == b""


def test_an_end_of_file_at_the_prompt_is_no_password(shell: Shell) -> None:
    ours, theirs = pty.openpty()
    with contextlib.closing(os.fdopen(ours, "rb+", buffering=0)) as terminal:
        process = subprocess.Popen(
            [
                str(shell.installation.python),
                str(shell.installation.app_folder / "bin" / "strava_admin.py"),
                "check",
                "--splunkd",
                shell.sandbox.splunkd.uri,
            ],
            env=shell.installation.environment(),
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # without a terminal of its own it asks on standard error and reads from ours
        )
        os.close(theirs)
        assert process.stderr is not None
        asked = process.stderr.read(8)
        terminal.write(b"\x04")
        output, errors = process.communicate(timeout=patience(30))
    assert process.returncode == 3
    assert output == b""
    assert b"No password was given" in asked + errors
    assert b"Traceback" not in errors


@pytest.mark.parametrize(
    "address",
    [
        "https://[::1",
        "https://a..b:8089",
        "https://ho st:8089",
        "https://127.0.0.1:99999",
        "https://127.0.0.1:0",
        "https://127.0.0.1:x",
        "https://",
        "https://b\x1b[31m:8089",
        f"https://admin:{SECRET}@127.0.0.1:8089",
        "https://127.0.0.1:8089/services",
        f"https://{'a' * 300}:8089",
        "http://127.0.0.1:8089",
        "",
    ],
)
def test_an_address_that_is_none_is_wrong_usage(shell: Shell, address: str) -> None:
    done = shell.run("check", "--splunkd", address, typed=f"{SECRET}\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "The argument splunkd has to be an address like https://127.0.0.1:8089.\n"


def test_a_user_or_password_that_is_not_text_is_told(shell: Shell) -> None:
    uri = shell.sandbox.splunkd.uri
    for user in ("", " ", os.fsdecode(b"\xff"), "a\nb"):
        done = shell.run("check", "--splunkd", uri, "--user", user, typed=f"{SECRET}\n")
        assert (done.returncode, done.stdout) == (2, "")
        assert is_a_sentence(done.stderr)
    for environment in ({}, {"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}):
        for typed, exit_code, word in ((b"\xff\xfe\n", 3, b"UTF-8"), ("päss\n".encode(), 3, b"does not let the user")):
            finished = subprocess.run(
                [
                    str(shell.installation.python),
                    str(shell.installation.app_folder / "bin" / "strava_admin.py"),
                    *("check", "--splunkd", uri),
                ],
                env={**shell.installation.environment(), **environment},
                input=typed,
                capture_output=True,
                timeout=patience(60),
                check=False,
            )
            assert (finished.returncode, finished.stdout) == (exit_code, b"")
            assert word in finished.stderr
            assert b"Traceback" not in finished.stderr


@contextlib.contextmanager
def some_server(shell: Shell, log_in: tuple[int, bytes], others: tuple[int, bytes]) -> Iterator[str]:
    """An HTTPS server that gives one answer to a log-in, and another to everything else; its address."""

    class Answers(BaseHTTPRequestHandler):
        def answer(self) -> None:
            status, body = log_in if "/auth/login" in self.path else others
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815  (http.server's names)

        def log_message(self, *_: object) -> None:
            pass

    certificate = shell.sandbox.certificates.self_signed("other", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(patience(10))


LET_IN = (200, b"<response><sessionKey>k</sessionKey></response>")


@pytest.mark.parametrize(
    "log_in",
    [
        (200, b"<html><p>Splunk Web"),
        (200, b"{}"),
        (200, b""),
        (200, b"\xff\xfe\x00"),
        (200, b"<response><x/></response>"),
        (200, b"<response><sessionKey/></response>"),
        (404, b"<html>"),
        (503, b""),
    ],
)
def test_a_server_that_is_no_splunkd_is_told_from_one(shell: Shell, log_in: tuple[int, bytes]) -> None:
    with some_server(shell, log_in, (200, b"")) as address:
        done = shell.run("check", "--splunkd", address, typed=f"{SECRET}\n")
    assert (done.returncode, done.stdout) == (3, "")
    assert is_a_sentence(done.stderr)
    assert f"What answers at {address[8:]} is not splunkd (" in done.stderr
    assert SECRET not in done.stderr


@pytest.mark.parametrize(
    "answer", [b"", b"<html>", b"[]", b"null", b'{"entry": 1}', b'{"entry": [1]}', b'{"entry": [{}]}']
)
def test_an_answer_that_cannot_be_read_is_told(shell: Shell, answer: bytes) -> None:
    with some_server(shell, LET_IN, (200, answer)) as address:
        done = shell.run("check", "--splunkd", address, typed=f"{SECRET}\n")
    assert (done.returncode, done.stdout) == (3, "")
    assert is_a_sentence(done.stderr)


def test_nobody_elses_words_do_anything_to_the_terminal(shell: Shell) -> None:
    evil = b'{"messages": [{"text": "\\u001b]0;owned\\u0007\\u001b[31mred\\u202e"}]}'
    for status, code in ((400, 1), (503, 3)):
        with some_server(shell, LET_IN, (status, evil)) as address:
            done = shell.run("check", "--splunkd", address, typed=f"{SECRET}\n")
        assert (done.returncode, done.stdout) == (code, "")
        assert done.stderr == "�]0;owned��[31mred�\n"


def test_where_nobody_answers_is_told(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        done = shell.run("check", "--splunkd", f"https://127.0.0.1:{taken.getsockname()[1]}", typed=f"{SECRET}\n")
    assert (done.returncode, done.stdout) == (3, "")
    assert "splunkd does not answer at 127.0.0.1:" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "--input", ""),
        ("create", "--input", " "),
        ("create", "--input", os.fsdecode(b"\xff")),
        ("create", "--input", "x" * 201),
        ("delete", "x"),
        ("delete", ""),
        ("delete", "0"),
        ("delete", "-1"),
        ("delete", "9" * 20),
        ("delete", "٣"),
        ("delete", "../strava_jobs/1"),
        ("delete", "delete_all"),
        ("delete", "a/b"),
        ("delete", "1?x=y"),
        ("delete", "%2e%2e"),
        ("delete", "--all", "--application", ""),
        ("delete", "1", "--application", "Other"),
        ("delete", "1", "--application", ""),
        ("delete", "--application", "Other"),
    ],
)
def test_what_is_wrong_about_subscriptions_is_told_before_anybody_is_asked(
    shell: Shell, arguments: tuple[str, ...]
) -> None:
    done = shell.run("subscriptions", *arguments, "--splunkd", "https://127.0.0.1:1", typed="")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [("list", "--status", ""), ("retry", "", "--all"), ("delete", "--status", "", "--all")]
)
def test_an_argument_without_a_value_never_means_all(shell: Shell, arguments: tuple[str, ...]) -> None:
    done = shell.run("jobs", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("is empty. Give it a value, or leave it out.\n")
