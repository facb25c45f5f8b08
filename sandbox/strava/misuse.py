"""What a well-behaved client does not do, whether or not Strava lets it pass."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.strava.exchange import Call

#: Names that HTTP libraries give themselves; Strava wants to see the application's.
_ANONYMOUS_AGENTS = ("python-requests/", "python-urllib", "urllib3", "go-http-client")

#: Where Strava itself demands the client secret in the query.
_SECRET_IN_QUERY_ALLOWED = ("GET /push_subscriptions", "DELETE /push_subscriptions/{id}")


def misuse_of(call: Call, endpoint: str | None) -> Iterator[str]:
    """Sentences about what is wrong with a call, quoting no value; ``endpoint`` is None when unknown."""
    what = f"{call.method} {call.path}"
    if endpoint is None:
        yield f"{what}: there is no such endpoint."
    agent = call.headers.get("user-agent", "")
    if not agent:
        yield f"{what} came without a User-Agent."
    elif agent.lower().startswith(_ANONYMOUS_AGENTS):
        yield f"{what} came with the User-Agent of a library."
    for name in ("access_token", "refresh_token", "token", "code"):
        if name in call.query:
            yield f"{what} carried {name} in the URL."
    if "client_secret" in call.query and endpoint not in _SECRET_IN_QUERY_ALLOWED:
        yield f"{what} carried client_secret in the URL."
    if call.method == "GET" and call.body:
        yield f"{what} carried a body."
