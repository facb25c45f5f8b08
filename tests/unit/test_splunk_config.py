"""Reading the configuration as UCC's handlers have written it."""

from __future__ import annotations

import pytest

from strava_collector.errors import ConfigurationError
from strava_collector.ports import SessionExpired, SplunkUnavailable
from strava_collector.secret import Secret
from strava_collector.settings import EnabledActivities, EnabledInput
from strava_collector.splunk_config import Reader, credential_realm
from strava_collector.splunkd import NoAnswer

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

        self.kinds: dict[str, dict[str, dict[str, str]]] = {
            "strava_webhook": {
                "main": {"application": "club", "port": "8443", "disabled": "0"},
                "off": {"application": "club", "port": "8444", "disabled": "1"},
            },
            "strava_activities": {"history": {"application": "club", "athletes": "anna", "disabled": "0"}},
        }
        self.all_indexes: dict[str, dict[str, str]] = {
            "strava": {"datatype": "event", "disabled": "0"},
            "numbers": {"datatype": "metric", "disabled": "0"},
            "old": {"datatype": "event", "disabled": "1"},
        }
        self.roles = ["indexer", "kv_store"]
        #: What to raise by the question asked, and how often anything was asked.
        self.failing: dict[str, Exception] = {}
        self.asked = 0

    def stanzas(self, conf: str) -> dict[str, dict[str, str]]:
        self._ask(conf)
        return self.confs.get(conf, {})

    def passwords(self, realm: str) -> dict[str, Secret]:
        return self.realms.get(realm, {})

    def inputs(self, kind: str) -> dict[str, dict[str, str]]:
        self._ask("inputs")
        return self.kinds[kind]

    def indexes(self) -> dict[str, dict[str, str]]:
        self._ask("indexes")
        return self.all_indexes

    def server_roles(self) -> list[str]:
        self._ask("roles")
        return self.roles

    def _ask(self, question: str) -> None:
        self.asked += 1
        if question in self.failing:
            raise self.failing[question]


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


def test_the_settings_know_which_inputs_are_enabled() -> None:
    settings = Reader(Files()).settings()

    assert settings.enabled_inputs == (EnabledInput("main", "club", "8443"),)
    assert settings.enabled_activities == (EnabledActivities("history", "club", frozenset({"anna"})),)


def test_an_input_of_the_other_kind_needs_no_secret() -> None:
    found = Reader(Files()).activities_input("history", {"application": "club", "index": "strava", "athletes": None})

    assert (found.source, found.athletes) == ("strava_activities://history", frozenset())


def test_while_splunkd_does_not_tell_the_inputs_those_that_it_told_last_count() -> None:
    """Else work would change hands whenever splunkd is busy."""
    files = Files()
    reader = Reader(files)
    told = reader.settings()
    files.failing["inputs"] = SplunkUnavailable("splunkd answered 503.")
    assert reader.settings() == told
    files.failing.clear()
    files.kinds["strava_webhook"] = {}
    assert reader.settings().enabled_inputs == ()


def test_the_settings_do_not_depend_on_the_list_of_inputs() -> None:
    files = Files()
    files.failing["inputs"] = SplunkUnavailable("splunkd answered 500.")
    assert Reader(files).settings().enabled_inputs == ()
    files.failing["inputs"] = SessionExpired("expired")
    with pytest.raises(SessionExpired):
        Reader(files).settings()


def test_an_input_is_judged_by_what_splunkd_knows() -> None:
    files = Files()
    files.confs["ta_strava_webhook_settings"]["advanced"]["ca_file"] = "/ca.pem"
    around = Reader(files).surroundings()

    assert around.applications == {"club"}
    assert around.inputs == files.kinds["strava_webhook"]
    assert around.activities_inputs == files.kinds["strava_activities"]
    assert around.athletes == files.confs["ta_strava_webhook_account"]
    assert around.indexes == ["strava"]
    assert around.ca_file == "/ca.pem"


@pytest.mark.parametrize(
    "outputs",
    [
        {"tcpout:indexers": {"server": "10.0.0.1:9997"}},
        {"tcpout:cluster": {"indexerDiscovery": "manager"}},
        {"httpout": {"uri": "https://10.0.0.1:8088"}},
    ],
)
def test_where_events_are_forwarded_no_index_need_be_here(outputs: dict[str, dict[str, str]]) -> None:
    files = Files()
    files.confs["outputs"] = outputs
    assert Reader(files).surroundings().indexes is None
    for stanza in outputs.values():
        stanza["disabled"] = "1"
    assert Reader(files).surroundings().indexes == ["strava"]


def test_a_heavy_forwarder_says_so_itself() -> None:
    files = Files()
    files.roles = ["heavyweight_forwarder"]
    assert Reader(files).surroundings().indexes is None


def test_what_the_user_may_not_read_is_not_known_and_the_rest_is() -> None:
    files = Files()
    files.failing["indexes"] = SplunkUnavailable("splunkd answered 403.")
    around = Reader(files).surroundings()

    assert around.indexes is None
    assert around.applications == {"club"}


def test_a_splunkd_that_does_not_answer_is_asked_once() -> None:
    files = Files()
    files.failing["ta_strava_webhook_settings"] = NoAnswer("splunkd did not answer.")
    around = Reader(files).surroundings()

    assert (around.applications, around.inputs, around.indexes, around.ca_file) == (None, None, None, None)
    assert files.asked == 1


def test_an_input_is_switched_off_when_its_stanza_is_disabled_or_gone() -> None:
    files = Files()
    files.confs["inputs"] = {"strava_webhook": {"disabled": "1"}, "strava_webhook://main": {}}
    reader = Reader(files)
    assert [reader.is_switched_off(name) for name in ("main", "off", "deleted")] == [False, True, True]


def test_an_input_that_splunkd_just_does_not_show_is_not_taken_for_deleted() -> None:
    files = Files()
    files.kinds["strava_webhook"] = {}
    with pytest.raises(SplunkUnavailable, match="nobody can tell"):
        Reader(files).is_switched_off("main")
    files.confs["inputs"] = {"strava_webhook://main": {}}
    assert not Reader(files).is_switched_off("main")
