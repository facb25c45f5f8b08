"""Why a search is run by nothing here, by its name in the catalogue."""

from __future__ import annotations

_DELETES = (
    "It deletes what it finds. What its first part finds is compared in tests/unit/test_erase_searches.py; that "
    "Splunk deletes just that is not."
)
_BY_TIME = "It deletes all that is older than a time; nobody has run it, its fields and macros are checked."
_LOG = "It lists or counts lines of the log as they are; its fields are checked, nobody has run it."

NOT_EXECUTED: dict[str, str] = {
    'docs/data.md: (`strava_index`) earliest=0 latest=+20y sourcetype="strava:a': _BY_TIME,
    "docs/data.md: `strava_of_athlete(134815)` | delete": _DELETES,
    "docs/data.md: `strava_of_activity(16000004711)` | delete": _DELETES,
    "docs/data.md: index=_internal source=*ta_strava_webhook_* action=erase ear": _LOG,
    'docs/moving.md: index=strava earliest=0 (sourcetype="strava:activities" OR (': (
        "It is about events of the older add-on, of which the sample has none; its fields are checked, nobody has "
        "run it."
    ),
    "docs/privacy.md: `strava_of_athlete(134815)` | where coalesce(collected_at, r": _BY_TIME,
    "docs/privacy.md: `strava_of_activity(16000004711)` | delete": _DELETES,
    'docs/privacy.md: (`strava_index`) earliest=0 latest=+20y sourcetype="strava:*': _BY_TIME,
    "docs/reliability.md: index=_internal source=*ta_strava_webhook_* action=erase ath": _LOG,
    "docs/reliability.md: `strava_of_athlete(134815)` | delete": _DELETES,
    "docs/reliability.md: index=_internal source=*ta_strava_webhook_* [ search index=_": _LOG,
    'docs/sample-data.md: index=strava_sample _sourcetype="strava:sample:*"': (
        "_sourcetype is what Splunk keeps of an upload; only a real Splunk has it."
    ),
    'docs/sample-data.md: index=strava _sourcetype="strava:sample:*" | delete': (
        "_sourcetype is what Splunk keeps of an upload; only a real Splunk has it."
    ),
    "docs/troubleshooting.md: | rest splunk_server=local /servicesNS/nobody/TA_strava_webh": (
        "It asks splunkd's REST interface; what that answers is tested in tests/integration."
    ),
    "docs/troubleshooting.md: index=_internal source=*ta_strava_webhook_* action=received ": _LOG,
    "docs/troubleshooting.md: index=_internal source=*ta_strava_webhook_* action=attempted": _LOG,
    "docs/troubleshooting.md: index=_internal source=*ta_strava_webhook_* action=received  (again)": _LOG,
}
