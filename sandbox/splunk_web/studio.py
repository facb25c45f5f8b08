"""Pages of dashboards (Dashboard Studio): Splunk's own framework shows them, and `tools/studio.py` builds it."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from .exchange import Answer
from .static_files import file_answer, find
from .views import Dashboard

#: Below `static/`, where the framework's script and style sheet are.
FOLDER = "studio/"

#: What `data/ui/times` lists: the choices of a time range input, a few of Splunk's own.
TIMES = (
    ("Last 24 hours", "-24h@h", "now"),
    ("Last 7 days", "-7d@d", "now"),
    ("Last 30 days", "-30d@d", "now"),
    ("Last 1 year", "-1y@d", "now"),
    ("All time", "0", ""),
)

_COLOURS = {"light": ("#ffffff", "#2c2c2c"), "dark": ("#0b0c0e", "#fafafa")}


def page(dashboard: Dashboard, theme: str, *, is_built: bool) -> str:
    """The HTML of a dashboard; `theme` is `light` or `dark`."""
    background, text = _COLOURS[theme]
    view = {"definition": dashboard.definition, "theme": theme}
    # Nothing in the definition can end the script element.
    data = json.dumps(view).replace("<", "\\u003c")
    script = (
        f'<script id="view" type="application/json">{data}</script>\n'
        f'<script src="/en-US/static/{FOLDER}dashboard.js"></script>'
        if is_built
        else "<p>The framework that shows dashboards is not built. Where the sandbox was started stands why.</p>\n"
        "<script>window.__splunk_layout__.create();</script>"
    )
    style = f'<link rel="stylesheet" href="/en-US/static/{FOLDER}dashboard.css">' if is_built else ""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(dashboard.label)}</title>
{style}
<style>
body {{ margin: 0; background: {background}; color: {text}; font: 14px/20px "Splunk Platform Sans", sans-serif; }}
#head {{ padding: 12px 20px 4px; }}
#head h1 {{ font-size: 24px; line-height: 32px; margin: 0; }}
#head p {{ margin: 0; }}
</style>
<script src="/en-US/config?autoload=1"></script>
<script src="/en-US/static/js/i18n.js"></script>
<script src="/en-US/i18ncatalog"></script>
<script src="/en-US/static/build/api/layout.js"></script></head>
<body>
<div id="head"><h1>{escape(dashboard.label)}</h1><p>{escape(dashboard.description)}</p></div>
{script}
</body></html>
"""


def static_file(bundle: Path | None, path: str) -> Answer | None:
    """A file of the framework; None if there is none."""
    file = find(bundle, path[len(FOLDER) :]) if bundle is not None and path.startswith(FOLDER) else None
    return None if file is None else file_answer(file)


def times() -> dict[str, object]:
    """What `data/ui/times` answers."""
    return {
        "entry": [
            {
                "name": label.lower().replace(" ", "_"),
                "content": {"label": label, "earliest_time": earliest, "latest_time": latest, "order": str(number)},
            }
            for number, (label, earliest, latest) in enumerate(TIMES, start=1)
        ]
    }
