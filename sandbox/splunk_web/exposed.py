"""Which addresses of splunkd a browser may use: what web.conf exposes."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.splunkd.configuration import Stanza

#: What Splunk itself exposes of what is stood in for.
ALWAYS: Mapping[str, tuple[str, ...]] = {
    "apps/local": ("GET",),
    "apps/local/*": ("GET",),
    "authentication/current-context": ("GET",),
    "data/ui/times": ("GET",),
    "messages": ("GET",),
    "messages/*": ("GET", "DELETE"),
    "search/jobs": ("GET", "POST"),
    "search/jobs/*": ("GET", "DELETE"),
    "search/jobs/*/*": ("GET", "POST"),
    "search/v2/jobs/*/*": ("GET", "POST"),
    "server/info": ("GET",),
}


def is_exposed(stanzas: Mapping[str, Stanza], method: str, path: tuple[str, ...]) -> bool:
    """Whether the pattern of any `[expose:…]` of web.conf fits; a star stands for one part of the path."""
    for name, stanza in stanzas.items():
        if not name.startswith("expose:"):
            continue
        methods = [part.strip() for part in stanza.settings.get("methods", "GET").split(",")]
        if method in methods and _fits(stanza.settings.get("pattern", ""), path):
            return True
    return any(method in methods and _fits(pattern, path) for pattern, methods in ALWAYS.items())


def _fits(pattern: str, path: tuple[str, ...]) -> bool:
    parts = pattern.split("/")
    return len(parts) == len(path) and all(part in ("*", given) for part, given in zip(parts, path))
