"""The page on which an athlete allows an application something, for people who click through the sandbox."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from sandbox.strava.accounts import Athlete
from sandbox.strava.exchange import Answer, Call
from sandbox.strava.oauth import AuthorizeRequest

#: What the page repeats, so that the form's POST is a complete authorize request again.
_CARRIED = ("client_id", "redirect_uri", "response_type", "scope", "approval_prompt", "state")


def consent_page(call: Call, request: AuthorizeRequest, athletes: Iterable[Athlete]) -> Answer:
    """Ask who sits there, what they allow, and whether they do at all."""
    carried = "".join(
        f'<input type="hidden" name="{name}" value="{escape(call.parameter(name) or "")}">\n'
        for name in _CARRIED
        if call.parameter(name) is not None
    )
    people = "".join(f'<option value="{athlete.id}">{escape(athlete.name)}</option>\n' for athlete in athletes)
    boxes = "".join(
        f'<p><label><input type="checkbox" name="allow {scope}" checked> {scope}</label></p>\n'
        for scope in map(escape, request.scope)
    )
    page = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Authorize {escape(request.application.name)}</title></head>
<body>
<h1>Authorize {escape(request.application.name)}</h1>
<p>This is a stand-in for Strava; nothing here reaches the real one.</p>
<form method="post" action="/oauth/authorize">
{carried}<p><label>You are <select name="athlete">{people}</select></label></p>
{boxes}<button name="decision" value="authorize">Authorize</button>
<button name="decision" value="cancel">Cancel</button>
</form>
</body>
</html>
"""
    return Answer(200, page.encode(), content_type="text/html; charset=utf-8")


def allowed_scopes(call: Call) -> list[str]:
    """The scopes whose boxes were left ticked."""
    prefix = "allow "
    return [name[len(prefix) :] for name in call.form if name.startswith(prefix)]
