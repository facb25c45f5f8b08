"""Why a search is run by nothing here, by its name in the catalogue."""

from __future__ import annotations

NOT_EXECUTED: dict[str, str] = {
    'docs/moving.md: index=strava earliest=0 (sourcetype="strava:activities" OR (': (
        "It is about events of the older add-on, of which the sample has none; its fields are checked, nobody has "
        "run it."
    ),
    'docs/sample-data.md: index=strava_sample _sourcetype="strava:sample:*"': (
        "_sourcetype is what Splunk keeps of an upload; only a real Splunk has it."
    ),
    'docs/sample-data.md: index=strava _sourcetype="strava:sample:*" | delete': (
        "_sourcetype is what Splunk keeps of an upload; only a real Splunk has it."
    ),
    "docs/troubleshooting.md: | rest splunk_server=local /servicesNS/nobody/TA_strava_webh": (
        "It asks splunkd's REST interface; what that answers is tested in tests/integration."
    ),
}
