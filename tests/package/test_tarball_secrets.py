"""Nothing in the package looks like a secret that somebody has left in the sources.

That nothing of the environment gets in, test_reproducible.py shows.
"""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

#: What keys and tokens look like. Strava's client secrets and tokens are forty hexadecimal digits; behind a slash they
#: are a commit's in an address.
SECRETS = {
    "private key": re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/=\s]{40}"),
    "token of Strava's": re.compile(rb"(?<![0-9a-zA-Z/])[0-9a-f]{40}(?![0-9a-zA-Z])"),
    "token of GitHub's": re.compile(rb"gh[pousr]_[A-Za-z0-9]{36}"),
    "encrypted by splunkd": re.compile(rb"\$[17]\$[A-Za-z0-9+/]{20,}={0,2}"),
    "credentials in an address": re.compile(rb"https?://[^\s/:@'\"<>{}$]+:[^\s/:@'\"<>{}$*]+@[a-z]"),
}
#: What looks like one and is none.
EXAMPLES = {"TA_strava_webhook/lib/urllib3/util/url.py: credentials in an address": "in its documentation"}
#: Files that hold secrets wherever they are.
FILES = re.compile(
    r"(^|/)(passwords\.conf|splunk\.secret|\.env|\.netrc|\.pypirc|id_[a-z0-9]+|[^/]+\.(key|p12|pfx|jks))$"
)


def found_in(name: str, content: bytes) -> list[str]:
    """What of a file looks like a secret."""
    kinds = [kind for kind, pattern in SECRETS.items() if pattern.search(content)]
    return [f"{name}: {kind}" for kind in ([*kinds, "such a file"] if FILES.search(name) else kinds)]


def test_nothing_in_it_looks_like_a_secret(tarball: Path) -> None:
    found = []
    with tarfile.open(tarball) as archive:
        for entry in archive.getmembers():
            file = archive.extractfile(entry) if entry.isfile() else None
            found += [] if file is None else found_in(entry.name, file.read())
    assert found == list(EXAMPLES)


def test_what_looks_like_a_secret_is_found() -> None:
    key = b"-----BEGIN EC PRIVATE KEY-----\n" + b"A" * 64
    planted = {
        "private key": key,
        "token of Strava's": b'client_secret = "' + b"0f" * 20 + b'"',
        "token of GitHub's": b"ghp_" + b"a1" * 18,
        "encrypted by splunkd": b"password = $7$" + b"A" * 40 + b"==",
        "credentials in an address": b"https://user:word@proxy.example",
    }
    assert {kind: found_in("x", text) for kind, text in planted.items()} == {kind: [f"x: {kind}"] for kind in planted}
    assert found_in("a/local/passwords.conf", b"") == ["a/local/passwords.conf: such a file"]
    assert found_in("a/listener.key", b"") == ["a/listener.key: such a file"]
