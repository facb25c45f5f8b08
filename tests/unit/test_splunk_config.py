"""Reading the configuration as UCC's handlers have written it."""

from __future__ import annotations

import pytest

from strava_collector.errors import ConfigurationError
from strava_collector.secret import Secret
from strava_collector.splunk_config import Reader, credential_realm

INPUT = {
    "application": "club",
    "index": "strava",
    "port": "8443",
    "callback_url": "https://strava.example.org/hook",
    "cert_file": "/c.pem",
    "key_file": "/k.pem",
    "verify_token": "******",
}


class Files:
    """Configuration files and passwords in memory."""

    def __init__(self) -> None:
        self.confs: dict[str, dict[str, dict[str, str]]] = {
            "ta_strava_webhook_application": {"club": {"client_id": "12345", "client_secret": "******"}},
            "ta_strava_webhook_account": {"anna": {"application": "club", "athlete_id": "7001"}},
            "ta_strava_webhook_settings": {
                "proxy": {
                    "proxy_enabled": "1",
                    "proxy_url": "proxy",
                    "proxy_port": "3128",
                    "proxy_username": "user",
                    "proxy_password": "******",
                },
                "advanced": {"concurrency": "2"},
            },
        }
        self.realms = {
            "__REST_CREDENTIAL__#TA_strava_webhook#configs/conf-ta_strava_webhook_application": {
                "club": Secret('{"client_secret": "s3cret-of-club"}')
            },
            "__REST_CREDENTIAL__#TA_strava_webhook#configs/conf-ta_strava_webhook_settings": {
                "proxy": Secret('{"proxy_password": "proxy-pass"}')
            },
            "__REST_CREDENTIAL__#TA_strava_webhook#data/inputs/strava_webhook": {
                "main": Secret('{"verify_token": "verify-me-please"}')
            },
        }

    def stanzas(self, conf: str) -> dict[str, dict[str, str]]:
        return self.confs.get(conf, {})

    def passwords(self, realm: str) -> dict[str, Secret]:
        return self.realms.get(realm, {})


def test_the_settings_come_from_three_files_and_their_secrets() -> None:
    settings = Reader(Files()).settings()

    assert settings.applications["club"].client_secret == Secret("s3cret-of-club")
    assert settings.athletes[7001].name == "anna"
    assert settings.proxy == Secret("http://user:proxy-pass@proxy:3128")
    assert settings.advanced.concurrency == 2


def test_a_fresh_installation_has_no_files_and_no_faults() -> None:
    files = Files()
    files.confs.clear()
    files.realms.clear()

    assert Reader(files).settings().applications == {}


def test_the_verify_token_of_this_very_input_is_found() -> None:
    webhook_input = Reader(Files()).webhook_input("main", INPUT)

    assert webhook_input.verify_token == Secret("verify-me-please")


def test_an_input_without_its_secret_cannot_run() -> None:
    with pytest.raises(ConfigurationError, match="verify token"):
        Reader(Files()).webhook_input("other", INPUT)


def test_every_secret_that_is_read_is_registered_for_masking() -> None:
    seen: set[str] = set()

    def register(*secrets: Secret) -> None:
        seen.update(secret.reveal() for secret in secrets)

    reader = Reader(Files(), register=register)
    reader.settings()
    reader.webhook_input("main", INPUT)

    assert seen == {"s3cret-of-club", "verify-me-please", "proxy-pass"}


def test_the_realm_is_that_of_splunktaucclib() -> None:
    assert credential_realm("data/inputs/x") == "__REST_CREDENTIAL__#TA_strava_webhook#data/inputs/x"
