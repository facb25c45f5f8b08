"""Splunk Web's own pages, as far as somebody who works with an add-on meets them, and the scripts that it offers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path

from sandbox.splunkd import Event

from .views import NavigationItem

_ASSETS = Path(__file__).resolve().parent / "assets"

#: Scripts by the path that the pages ask for; they are the same for everybody.
SCRIPTS: Mapping[str, str] = {
    "js/i18n.js": "i18n.js",
    "build/api/layout.js": "layout.js",
    "build/api/layout-dark.js": "layout.js",
}

_STYLE = """
:root { color-scheme: light dark; font: 14px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60em; padding: 2em; }
form.login { max-width: 20em; margin: 10vh auto; display: grid; gap: .75em; }
input, button { font: inherit; padding: .5em; }
[role=alert] { color: light-dark(#b00020, #ff8a8a); }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border-top: 1px solid; padding-top: .5em; }
"""

NOTE = "A stand-in for Splunk Web: no Splunk runs here, and nothing leaves this computer."


def asset(name: str) -> str:
    """The text of one of the scripts."""
    return (_ASSETS / name).read_text("utf-8")


def login(return_to: str, cval: str, fault: str = "") -> str:
    """The form that asks for name and password."""
    alert = f'<p role="alert">{escape(fault)}</p>' if fault else ""
    return _page(
        "Log in",
        f"""<form class="login" method="post" action="/en-US/account/login">
<h1>Log in</h1>
{alert}
<label for="username">Username</label><input id="username" name="username" autocomplete="username" autofocus required>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<input type="hidden" name="cval" value="{escape(cval)}">
<input type="hidden" name="return_to" value="{escape(return_to)}">
<button type="submit">Sign In</button>
<p>{NOTE}</p>
</form>""",
    )


def home(app: str, label: str) -> str:
    """The list of apps."""
    return _page(
        "Home",
        f'<h1>Apps</h1><ul><li><a href="/en-US/app/{escape(app)}/">{escape(label)}</a></li></ul>'
        f'<p><a href="/en-US/account/logout">Log out</a></p><p>{NOTE}</p>',
    )


def newest_events(app: str, label: str, events: list[Event]) -> str:
    """In place of a search: what the index received last."""
    rows = "".join(f"<h2>{escape(event.sourcetype)}</h2><pre>{escape(event.raw)}</pre>" for event in reversed(events))
    return _page(
        "Search",
        f'<p><a href="/en-US/app/{escape(app)}/">{escape(label)}</a></p><h1>Newest events</h1>'
        f"<p>The stand-in has no page for searches. It shows the newest events.</p>{rows or '<p>None yet.</p>'}",
    )


def fault(title: str, text: str) -> str:
    """A page that says what is wrong."""
    return _page(title, f"<h1>{escape(title)}</h1><p>{escape(text)}</p>")


def config(values: Mapping[str, object]) -> str:
    """`/config?autoload=1`: what the pages' scripts want to know about this Splunk Web."""
    return f"window.$C = {json.dumps(values)};\n"


def theme(name: str) -> str:
    """`get_theme.js`: what the user prefers, `light` or `dark`."""
    return f"window.__get_theme__ = {{ getTheme: () => Promise.resolve({json.dumps(name)}) }};\n"


def chrome(app: str, label: str, user: str, theme_name: str, navigation: list[NavigationItem]) -> dict[str, object]:
    """What the bar on top shows; its script reads it from the configuration."""
    other = "light" if theme_name == "dark" else "dark"
    return {
        "title": label,
        "home": f"/en-US/app/{app}/",
        "user": user,
        "items": [{"label": item.label, "href": f"/en-US/app/{app}/{item.view}"} for item in navigation],
        "theme": {"label": f"{other.capitalize()} theme", "href": f"/en-US/account/theme?set={other}"},
        "logout": "/en-US/account/logout",
    }


def _page(title: str, body: str) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n<main>{body}</main>\n</body></html>\n"
    )
