"""What the running input sees at its own callback URL when Strava says that it cannot verify it."""

from __future__ import annotations

from typing import Optional

from strava_collector.callback_probe import Target, as_sentence, probe
from strava_collector.check_line import Status
from strava_collector.errors import StoreUnavailable
from strava_collector.settings import WebhookInput
from strava_collector.store import challenges
from strava_collector.store.database import Database

_FINE = (
    "From this host it answers as it should. So look at what is between the internet and this host: router, firewall, "
    "the name's public DNS entry, and whether the answer takes more than two seconds from outside."
)


def seen_at_callback(webhook_input: WebhookInput, ca_file: Optional[str], database: Optional[Database]) -> str:
    """Ask the callback URL as Strava does; return sentences about what came of it. Takes some 15 seconds at most.

    Without a ``database`` nobody can tell whether it was the input that answered.
    """

    def noted_by(digest: str) -> Optional[str]:
        if database is None:
            raise StoreUnavailable("There is no store.")
        with database.read() as tx:
            return challenges.noted_by(tx, digest)

    target = Target(webhook_input.name, webhook_input.callback_url, webhook_input.verify_token, ca_file)
    try:
        found = probe(target, noted_by=noted_by)
    except StoreUnavailable:
        return ""
    if found.grade is Status.PASS:
        return _FINE
    return f"Tried from this host: {as_sentence(found)}"
