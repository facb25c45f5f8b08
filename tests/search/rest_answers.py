"""What splunkd's REST interface answers an administrator of a host where all is set up, as far as searches ask it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sandbox.spl import Row

_APP = "/servicesNS/nobody/TA_strava_webhook"
WEBHOOK, LISTS = f"{_APP}/TA_strava_webhook_strava_webhook", f"{_APP}/TA_strava_webhook_strava_activities"
ATHLETES, MACRO = f"{_APP}/TA_strava_webhook_account", f"{_APP}/configs/conf-macros/strava_index"
COUNTS = f"{_APP}/strava_jobs/counts"
WHO_AM_I = "/services/authentication/current-context"

SET_UP: dict[str, list[Row]] = {
    WEBHOOK: [{"title": "home", "index": "strava", "disabled": "0"}],
    LISTS: [{"title": "history", "index": "strava", "disabled": "0"}],
    ATHLETES: [
        {
            "title": "ada",
            "athlete_id": "134815",
            "index": "",
            "state": "connected",
            "state_help": "Activities are collected as long as an input for this application runs.",
            "last_activity": "2026-06-10 16:02 UTC",
        }
    ],
    COUNTS: [
        {"thing": "job", "status": "done", "reason": "webhook", "outcome": "collected", "count": "164"},
        {"thing": "job", "status": "pending", "reason": "polling", "outcome": "", "count": "37"},
        {"thing": "notification", "status": "dispatched", "reason": "", "outcome": "", "count": "165"},
    ],
    MACRO: [{"title": "strava_index", "definition": "index=strava"}],
    WHO_AM_I: [{"username": "admin", "capabilities": ["search", "read_ta_strava_webhook"]}],
}


def answering(answers: Mapping[str, Sequence[Row]]) -> Callable[[str], list[Row]]:
    """As ``Index.rest`` wants it; what is not among the answers is refused, and gives no rows."""
    return lambda path: list(answers.get(path, []))
