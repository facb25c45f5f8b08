"""The pages on which an athlete logs in and allows an application something.

They ask what Strava's ask, in the same order; how they look is our own. Who has logged in is asked no more in this
browser, as at Strava: whoever connects a second athlete from the same browser gets the first one again.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from http.cookies import CookieError, SimpleCookie

from sandbox.strava.accounts import Athlete
from sandbox.strava.exchange import Answer, Call
from sandbox.strava.oauth import AuthorizeRequest

#: What the pages repeat, so that the form's POST is a complete authorize request again.
_CARRIED = ("client_id", "redirect_uri", "response_type", "scope", "approval_prompt", "state")

_COOKIE = "stand_in_athlete"

#: What a scope lets an application do, in the athlete's words.
_MEANS = {
    "read": "View data about your public profile",
    "read_all": "View your private segments, routes and posts",
    "profile:read_all": "View your complete Strava profile",
    "profile:write": "Change your weight and follow segments",
    "activity:read": "View data about your activities",
    "activity:read_all": "View data about your private activities",
    "activity:write": "Upload and change activities",
}

_STYLE = """
:root { color-scheme: light; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 0; background: #f7f7fa; color: #242428; }
header { padding: 10px 20px; border-bottom: 1px solid #dfdfe8; background: #fff; font-weight: bold; }
main { max-width: 30em; margin: 20px auto; padding: 10px 24px 24px; background: #fff; border: 1px solid #dfdfe8; }
h1 { font-size: 1.3em; } label { display: flex; gap: 8px; align-items: baseline; padding: 3px 0; }
select { font: inherit; padding: 4px; }
button { font: inherit; padding: 6px 20px; border: 1px solid #6d6d78; border-radius: 4px; background: #fff; }
button.first { background: #b8400a; border-color: #b8400a; color: #fff; }
.note { color: #55555f; font-size: .9em; }
"""


def login_page(call: Call, athletes: Iterable[Athlete]) -> Answer:
    """Ask who sits there."""
    people = "".join(f'<option value="{athlete.id}">{escape(athlete.name)}</option>\n' for athlete in athletes)
    answer = _page(
        call,
        "Log in",
        f'<p><label>Athlete <select name="athlete">{people}</select></label></p>'
        '<button class="first" name="decision" value="log in">Log In</button>',
    )
    answer.headers["Set-Cookie"] = f"{_COOKIE}=; Path=/oauth; Secure; HttpOnly; Max-Age=0"
    return answer


def consent_page(call: Call, request: AuthorizeRequest, athlete: Athlete) -> Answer:
    """Ask what the athlete allows, and whether anything at all."""
    boxes = "".join(
        f'<label><input type="checkbox" name="allow {scope}" checked> {_MEANS[scope]} ({scope})</label>\n'
        for scope in request.scope
    )
    name = escape(request.application.name)
    answer = _page(
        call,
        f"Authorize {name} to connect to Strava",
        f"<p>Logged in as {escape(athlete.name)}. "
        '<button name="decision" value="log out">Log in as somebody else</button></p>'
        f"<p>{name} will be able to:</p>\n{boxes}"
        f'<input type="hidden" name="athlete" value="{athlete.id}">'
        '<p><button class="first" name="decision" value="authorize">Authorize</button>\n'
        '<button name="decision" value="cancel">Cancel</button></p>',
    )
    answer.headers["Set-Cookie"] = f"{_COOKIE}={athlete.id}; Path=/oauth; Secure; HttpOnly; SameSite=Lax"
    return answer


def logged_in(call: Call) -> int | None:
    """The id of the athlete whose browser this is."""
    try:
        cookie = SimpleCookie(call.headers.get("cookie", "")).get(_COOKIE)
    except CookieError:
        return None
    return int(cookie.value) if cookie is not None and cookie.value.isdigit() else None


def allowed_scopes(call: Call) -> list[str]:
    """The scopes whose boxes were left ticked."""
    prefix = "allow "
    return [name[len(prefix) :] for name in call.form if name.startswith(prefix)]


def _page(call: Call, title: str, body: str) -> Answer:
    carried = "".join(
        f'<input type="hidden" name="{name}" value="{escape(call.parameter(name) or "")}">\n'
        for name in _CARRIED
        if call.parameter(name) is not None
    )
    text = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head>
<body>
<header>Stand-in for Strava</header>
<main>
<h1>{title}</h1>
<form method="post" action="/oauth/authorize">
{carried}{body}
</form>
<p class="note">Nothing here reaches the real Strava.</p>
</main>
</body>
</html>
"""
    return Answer(200, text.encode(), content_type="text/html; charset=utf-8")
