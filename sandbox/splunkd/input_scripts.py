"""The short runs of a modular input: `--scheme`, `--validate-arguments`, and what it gets to read."""

from __future__ import annotations

import hashlib
import shlex
import signal
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.patience import patience

from .configuration import parse_conf
from .installation import Installation
from .journal import Journal

#: splunkd kills a validation after this many seconds.
VALIDATION_SECONDS = 30.0
_SCHEME_SECONDS = 30.0
#: What every modular input takes without naming it in its scheme.
COMMON_ARGUMENTS = (
    "name",
    "disabled",
    "host",
    "index",
    "interval",
    "source",
    "sourcetype",
    "queueSize",
    "persistentQueueSize",
    "python.version",
    "python.required",
    "start_by_shell",
)

#: What `--scheme` answered, by the scripts and the interpreter: splunkd asks at each start, and hundreds of tests start
#: one with the same scripts.
_answers: dict[str, bytes] = {}


class ScriptFault(Exception):
    """A script failed; the text is what splunkd says about it."""


@dataclass(frozen=True)
class Scheme:
    """What an input says about itself."""

    title: str
    description: str
    use_external_validation: bool
    use_single_instance: bool
    streaming_mode: str
    arguments: Sequence[str]
    required_on_create: Sequence[str]


def input_kinds(app_folder: Path) -> list[str]:
    """The kinds of modular inputs, which `README/inputs.conf.spec` declares as `[kind://<name>]`."""
    spec = app_folder / "README" / "inputs.conf.spec"
    stanzas = parse_conf(spec.read_text(encoding="utf-8")) if spec.is_file() else {}
    return [name.partition("://")[0] for name in stanzas if "://" in name]


def command(installation: Installation, kind: str, settings: Mapping[str, str], *arguments: str) -> list[str]:
    """The command line of an input's script; through a shell unless `start_by_shell` is off."""
    line = [str(installation.python), str(installation.app_folder / "bin" / f"{kind}.py"), *arguments]
    if settings.get("start_by_shell", "true").strip().lower() in ("false", "0"):
        return line
    return ["/bin/sh", "-c", shlex.join(line)]


def document(root_tag: str, installation: Installation, kind: str, server_uri: str, session_key: str) -> ET.Element:
    """The part that both the run and the validation read: who and where splunkd is."""
    checkpoints = installation.checkpoints / kind
    checkpoints.mkdir(mode=0o700, parents=True, exist_ok=True)
    root = ET.Element(root_tag)
    for tag, text in (
        ("server_host", installation.host),
        ("server_uri", server_uri),
        ("session_key", session_key),
        ("checkpoint_dir", str(checkpoints)),
    ):
        ET.SubElement(root, tag).text = text
    return root


def add_params(parent: ET.Element, settings: Mapping[str, str]) -> None:
    for name, value in sorted(settings.items()):
        ET.SubElement(parent, "param", name=name).text = value


def as_bytes(root: ET.Element) -> bytes:
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


def read_scheme(installation: Installation, kind: str, journal: Journal) -> Scheme:
    """Run `--scheme`, unless the same scripts have answered this process before.

    Raises:
        ScriptFault: it failed, or its answer is no scheme.
    """
    subject = f"Introspecting scheme={kind}"
    key = f"{kind} {installation.python_version} {_digest(installation.app_folder / 'bin')}"
    if key not in _answers:
        done = _run(command(installation, kind, {}, "--scheme"), installation, b"", _SCHEME_SECONDS, subject, journal)
        if done.returncode != 0:
            raise ScriptFault(f"{subject}: script running failed ({_ending(done.returncode)}).")
        _answers[key] = done.stdout
    try:
        root = ET.fromstring(_answers[key])
    except ET.ParseError as fault:
        raise ScriptFault(f"{subject}: the scheme is no XML: {fault}") from None
    if root.tag != "scheme" or not root.findtext("title"):
        raise ScriptFault(f"{subject}: the answer is no scheme with a title.")
    arguments = root.findall("endpoint/args/arg")
    return Scheme(
        title=root.findtext("title") or "",
        description=root.findtext("description") or "",
        use_external_validation=_true(root.findtext("use_external_validation")),
        use_single_instance=_true(root.findtext("use_single_instance")),
        streaming_mode=root.findtext("streaming_mode") or "simple",
        arguments=[argument.attrib["name"] for argument in arguments],
        required_on_create=[
            argument.attrib["name"] for argument in arguments if _true(argument.findtext("required_on_create"))
        ],
    )


def _digest(folder: Path) -> str:
    """A digest of all scripts below `folder`."""
    digest, beginning = hashlib.sha256(), len(str(folder))
    for script in sorted(folder.rglob("*.py")):
        digest.update(f"{str(script)[beginning:]}\0".encode() + script.read_bytes())
    return digest.hexdigest()


def validate(
    installation: Installation,
    kind: str,
    name: str,
    settings: Mapping[str, str],
    *,
    server_uri: str,
    session_key: str,
    journal: Journal,
    seconds: float = VALIDATION_SECONDS,
) -> None:
    """Run `--validate-arguments` for the stanza as it would be.

    Raises:
        ScriptFault: it refused, with its own words; or it failed or took too long.
    """
    root = document("items", installation, kind, server_uri, session_key)
    add_params(ET.SubElement(root, "item", name=name), settings)
    subject = f"Argument validation for scheme={kind}"
    line = command(installation, kind, settings, "--validate-arguments")
    done = _run(line, installation, as_bytes(root), seconds, subject, journal)
    if done.returncode == 0:
        return
    raise ScriptFault(_message(done.stdout) or f"{subject}: script running failed ({_ending(done.returncode)}).")


def _run(
    line: Sequence[str], installation: Installation, stdin: bytes, seconds: float, subject: str, journal: Journal
) -> subprocess.CompletedProcess[bytes]:
    try:
        done = subprocess.run(
            line,
            input=stdin,
            capture_output=True,
            timeout=patience(seconds),
            env=installation.environment(),
            cwd=installation.home,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise ScriptFault(f"{subject}: script running failed (killed by signal 9: Killed).") from None
    for text in done.stderr.decode(errors="replace").splitlines():
        journal.write("ERROR", "ModularInputs", f"<stderr> {subject}: {text}")
    return done


def _message(output: bytes) -> str | None:
    try:
        root = ET.fromstring(output)
    except ET.ParseError:
        return None
    return root.findtext("message") if root.tag == "error" else None


def _ending(code: int) -> str:
    if code < 0:
        return f"killed by signal {-code}: {signal.strsignal(-code)}"
    return f"exited with code {code}"


def _true(text: str | None) -> bool:
    return (text or "").strip().lower() in ("true", "1", "yes")
