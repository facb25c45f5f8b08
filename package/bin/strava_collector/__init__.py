"""The collector: receives Strava's notifications, fetches the activities, writes them as events.

Nothing in here but ``splunk_config``, ``token_store`` and ``log`` knows Splunk, so that everything else can run
and be tested without it. Imports go one way; ``pyproject.toml`` has the order and import-linter checks it.
"""
