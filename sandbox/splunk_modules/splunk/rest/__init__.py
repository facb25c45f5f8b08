"""HTTP to the local splunkd, as scripts that run inside Splunk do it."""

from __future__ import annotations

import configparser
import http.client
import json
import os
import ssl
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

import splunk

_FAULTS = {
    401: splunk.AuthenticationFailed,
    402: splunk.LicenseRestriction,
    403: splunk.AuthorizationFailed,
    404: splunk.ResourceNotFound,
}


class Response:
    """Status and headers of an answer; `status` is a number, `headers` have lower-case names."""

    def __init__(self, status: int, reason: str, headers: dict[str, str]) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers

    def __getitem__(self, name: str) -> str:
        return str(self.status) if name == "status" else self.headers[name.lower()]

    def get(self, name: str, default: str | None = None) -> str | None:
        return self.headers.get(name.lower(), default)


def makeSplunkdUri() -> str:  # noqa: N802 - the name that callers use
    """Address of splunkd, from the `mgmtHostPort` of web.conf below SPLUNK_HOME."""
    conf = configparser.ConfigParser(interpolation=None, strict=False)
    conf.read(Path(os.environ["SPLUNK_HOME"]) / "etc" / "system" / "local" / "web.conf", encoding="utf-8")
    return f"https://{conf['settings']['mgmtHostPort']}/"


def getcontext(url: object = None) -> ssl.SSLContext:
    """A TLS context without verification: splunkd's certificate is signed by itself, and it is this host."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def simpleRequest(  # noqa: N802 - the name that callers use
    path: str,
    sessionKey: str | None = None,  # noqa: N803 - keyword of the interface
    getargs: Mapping[str, str] | None = None,
    postargs: Mapping[str, str] | None = None,
    method: str = "GET",
    raiseAllErrors: bool = False,  # noqa: N803 - keyword of the interface
    proxyMode: bool = False,  # noqa: N803 - keyword of the interface
    rawResult: bool = False,  # noqa: N803 - keyword of the interface
    timeout: float | None = 30,
    jsonargs: str | None = None,
) -> tuple[Response, bytes]:
    """Call splunkd and return its answer and the body.

    Raises:
        splunk.RESTException: by status 401 to 404; with raiseAllErrors any status from 400 on.
        splunk.SplunkdConnectionException: nobody listens.
    """
    address = urllib.parse.urlsplit(urllib.parse.urljoin(makeSplunkdUri(), path))
    target = address.path + (f"?{urllib.parse.urlencode(getargs)}" if getargs else "")
    headers = {"Authorization": f"Splunk {sessionKey or splunk.getSessionKey()}"}
    body: str | None = None
    if postargs is not None or jsonargs is not None:
        method = "POST" if method == "GET" else method
        body = jsonargs if jsonargs is not None else urllib.parse.urlencode(postargs or {})
        form = "application/x-www-form-urlencoded"
        headers["Content-Type"] = "application/json" if jsonargs is not None else form
    connection = http.client.HTTPSConnection(
        address.hostname or "127.0.0.1", address.port, timeout=timeout, context=getcontext()
    )
    try:
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        content = answer.read()
    except OSError as fault:
        raise splunk.SplunkdConnectionException(f"Error connecting to {path}: {fault}") from fault
    finally:
        connection.close()
    if not (proxyMode or rawResult):
        _raise_for(answer.status, content, raiseAllErrors)
    lowered = {name.lower(): value for name, value in answer.getheaders()}
    return Response(answer.status, answer.reason, lowered), content


def _raise_for(status: int, content: bytes, every: bool) -> None:
    fault = _FAULTS.get(status)
    if fault is None and every and status >= 400:
        fault = splunk.BadRequest if status == 400 else splunk.InternalServerError
    if fault is not None:
        try:
            text = json.loads(content)["messages"][0]["text"]
        except (ValueError, LookupError, TypeError):
            text = content.decode(errors="replace")
        raise fault(status, text)


def getWebCertFile() -> str | None:  # noqa: N802 - the name that callers use
    """No certificate of Splunk Web's is configured."""
    return None


def getWebKeyFile() -> str | None:  # noqa: N802 - the name that callers use
    """No key of Splunk Web's is configured."""
    return None


def is_cert_or_key_encrypted(path: str) -> bool:
    """There is none, so it is not encrypted."""
    return False
