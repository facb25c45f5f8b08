"""The stand-in for Splunk Web lets in whom the real one would, and nobody else."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sandbox.certificates import Certificates
from sandbox.patience import patience
from sandbox.splunk_web import SplunkWeb
from sandbox.splunkd import Splunkd

RAW = "/en-US/splunkd/__raw/servicesNS/nobody/TA_strava_webhook"
CONFIGURATION = "/en-US/app/TA_strava_webhook/configuration"
OVERVIEW = "/en-US/app/TA_strava_webhook/strava_overview"
FOOTER = "| rest services/apps/local/TA_strava_webhook splunk_server=local | fields build"


@pytest.fixture(scope="module")
def splunkd(built_app: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Splunkd]:
    with Splunkd(app=built_app, home=tmp_path_factory.mktemp("splunk"), python=Path(sys.executable)) as splunkd:
        yield splunkd


@pytest.fixture
def web(splunkd: Splunkd, tmp_path: Path) -> Iterator[SplunkWeb]:
    with SplunkWeb(splunkd, Certificates(tmp_path / "certificates")) as web:
        yield web
    assert web.failures == []


class Browser:
    """As much of a browser as it takes: cookies, redirects, the form of the log-in."""

    def __init__(self, web: SplunkWeb, ca_file: Path) -> None:
        self._web = web
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(ca_file)

    def get(self, path: str) -> requests.Response:
        return self.session.get(self._web.url + path, timeout=patience(10))

    def post(self, path: str, data: dict[str, str], **headers: str) -> requests.Response:
        return self.session.post(self._web.url + path, data=data, headers=headers, timeout=patience(60))

    def log_in(self, user: str, password: str, *, at: str = CONFIGURATION) -> requests.Response:
        form = self.get(at).text
        hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        return self.post("/en-US/account/login", {"username": user, "password": password, **hidden})

    @property
    def form_key(self) -> str:
        return str(self.session.cookies[f"splunkweb_csrf_token_{self._web.port}"])

    def raw(self, path: str) -> int:
        """Ask for a path as it stands, which the library would tidy up; the status."""
        request = requests.Request("GET", self._web.url, cookies=self.session.cookies).prepare()
        request.url = self._web.url + path
        return self.session.send(request, timeout=patience(10)).status_code


@pytest.fixture
def browser(web: SplunkWeb, tmp_path: Path) -> Iterator[Browser]:
    browser = Browser(web, tmp_path / "certificates" / "ca.pem")
    yield browser
    browser.session.close()


@pytest.fixture
def admin(browser: Browser, splunkd: Splunkd) -> Browser:
    assert browser.log_in("admin", splunkd.sessions.password).status_code == 200
    return browser


def test_whoever_is_not_logged_in_is_asked_to_and_comes_back_to_the_page(browser: Browser, splunkd: Splunkd) -> None:
    assert 'type="password"' in browser.get(CONFIGURATION).text
    answer = browser.log_in("admin", splunkd.sessions.password)
    assert answer.url.endswith(CONFIGURATION)
    assert "entry_page.js" in answer.text


@pytest.mark.parametrize(("user", "password"), [("admin", "wrong"), ("nobody", "wrong"), ("", "")])
def test_a_wrong_password_lets_nobody_in(browser: Browser, user: str, password: str) -> None:
    answer = browser.log_in(user, password)
    assert answer.status_code == 401
    assert "Login failed" in answer.text
    assert browser.get(f"{RAW}/TA_strava_webhook_application?output_mode=json").status_code == 401


def test_a_log_in_from_a_foreign_page_is_refused(browser: Browser, splunkd: Splunkd) -> None:
    right = {"username": "admin", "password": splunkd.sessions.password, "cval": "4711"}
    assert browser.post("/en-US/account/login", right).status_code == 401


@pytest.mark.parametrize("elsewhere", ["https://example.com/", "//example.com/", "/\\example.com/"])
def test_the_log_in_leads_to_no_other_host(browser: Browser, splunkd: Splunkd, elsewhere: str) -> None:
    answer = browser.log_in("admin", splunkd.sessions.password, at=f"/en-US/account/login?return_to={elsewhere}")
    assert answer.url.endswith("/en-US/app/launcher/home")


def test_after_the_log_out_nothing_is_open(admin: Browser) -> None:
    assert admin.get(f"{RAW}/TA_strava_webhook_application?output_mode=json").status_code == 200
    cookies = dict(admin.session.cookies)
    admin.get("/en-US/account/logout")
    admin.session.cookies.update(cookies)
    assert admin.get(f"{RAW}/TA_strava_webhook_application?output_mode=json").status_code == 401


def test_the_app_opens_at_its_default_view(admin: Browser) -> None:
    assert "Webhook Add-on for Strava" in admin.get("/").text
    answer = admin.get("/en-US/app/TA_strava_webhook/")
    assert answer.url.endswith(OVERVIEW)
    # Only what `tools/studio.py` builds can show it.
    assert "is not built" in answer.text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_is_the_users_choice(admin: Browser, theme: str) -> None:
    answer = admin.get(f"/en-US/account/theme?set={theme}&return_to={CONFIGURATION}")
    assert answer.url.endswith(CONFIGURATION)
    assert f'"{theme}"' in admin.get("/en-US/static/@1/build/api/get_theme.js").text


def test_a_change_needs_the_key_of_our_own_pages(admin: Browser, splunkd: Splunkd, web: SplunkWeb) -> None:
    address, form = f"{RAW}/TA_strava_webhook_settings/logging", {"loglevel": "DEBUG"}
    assert admin.post(address, form).status_code == 403
    assert admin.post(address, form, **{"X-Splunk-Form-Key": "4711"}).status_code == 403
    key, cookies = {"X-Splunk-Form-Key": admin.form_key}, admin.session.cookies.copy()
    # The header alone is not enough: its cookie must come along.
    (cookie,) = (cookie for cookie in cookies if cookie.name == f"splunkweb_csrf_token_{web.port}")
    admin.session.cookies.clear(cookie.domain, cookie.path, cookie.name)
    assert admin.post(address, form, **key).status_code == 403
    admin.session.cookies.update(cookies)
    assert admin.post(address, form, **key).status_code == 200
    stanza = splunkd.configuration.read("ta_strava_webhook_settings")["logging"]
    assert stanza.settings["loglevel"] == "DEBUG"


def test_what_web_conf_does_not_expose_is_not_there(admin: Browser, web: SplunkWeb) -> None:
    for path in (
        "/en-US/splunkd/__raw/services/storage/passwords",
        "/en-US/splunkd/__raw/servicesNS/nobody/TA_strava_webhook/configs/conf-server",
        f"{RAW}/TA_strava_webhook_application/one/two",
    ):
        assert admin.get(path).status_code == 404
    assert len(web.unknown) == 3
    assert admin.post(f"{RAW}/data/indexes", {"name": "x"}).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "../../default/app.conf",
        "%2e%2e/%2e%2e/default/app.conf",
        "..%2f..%2fdefault/app.conf",
        "js/..%5c..%5c..%5cdefault/app.conf",
        "js//build/entry_page.js",
        "js/build",
        "js/build/entry_page.js%00.png",
        "/etc/passwd",
    ],
)
def test_static_files_are_those_of_the_static_folder(admin: Browser, web: SplunkWeb, path: str) -> None:
    assert admin.raw(f"/en-US/static/@1/app/TA_strava_webhook/{path}") == 404
    assert len(web.unknown) == 1


def test_static_files_are_for_everybody_and_scripts_are_called_so(browser: Browser) -> None:
    answer = browser.get("/en-US/static/@1795266001:2/app/TA_strava_webhook/js/build/entry_page.js")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/javascript")


def test_searches_are_answered_and_those_that_cannot_be_run_fail(admin: Browser, web: SplunkWeb) -> None:
    jobs = "/en-US/splunkd/__raw/services/search/jobs"
    key = {"X-Splunk-Form-Key": admin.form_key}
    made = admin.post(jobs, {"search": FOOTER}, **key)
    assert made.status_code == 201
    results = admin.get(f"/en-US/splunkd/__raw/services/search/v2/jobs/{made.json()['sid']}/results").json()
    assert [list(row) for row in results["results"]] == [["build"]]
    assert web.unknown == []
    made = admin.post(jobs, {"search": "index=strava | transaction id"}, **key)
    assert made.status_code == 201
    (job,) = admin.get(f"{jobs}?id={made.json()['sid']}").json()["entry"]
    assert job["content"]["isFailed"] is True
    assert job["content"]["dispatchState"] == "FAILED"
    (why,) = job["content"]["messages"]
    assert "unknown command transaction" in why["text"]
    assert web.unknown == ["search index=strava | transaction id: unknown command transaction"]


def test_chains_run_over_what_their_search_has_shown(admin: Browser, web: SplunkWeb) -> None:
    jobs = "/en-US/splunkd/__raw/services/search/jobs"
    key = {"X-Splunk-Form-Key": admin.form_key}
    made = admin.post(jobs, {"search": "| makeresults count=3 | streamstats count AS n", "latest_time": "now"}, **key)
    results = f"/en-US/splunkd/__raw/services/search/v2/jobs/{made.json()['sid']}/results_preview"
    whole = admin.get(f"{results}?output_mode=json_cols").json()
    assert [one["name"] for one in whole["fields"]] == ["_time", "n"]
    assert whole["columns"][1] == ["1", "2", "3"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", whole["columns"][0][0])
    form = {"search": "| where n>1 | table n", "output_mode": "json_cols", "count": "1", "offset": "1"}
    part = admin.post(results, form, **key).json()
    assert (part["columns"], part["post_process_count"]) == ([["3"]], 2)
    assert admin.post(results, {"search": "| foo"}, **key).status_code == 400
    assert web.unknown == ["search | foo: unknown command foo"]


def test_who_is_no_administrator_does_not_see_the_log(browser: Browser, splunkd: Splunkd) -> None:
    log = splunkd.home / "var" / "log" / "splunk" / "ta_strava_webhook_club.log"
    log.write_text("2026-06-01 10:00:00,000 level=INFO action=started\n2026-06-01 10:00:01,000 half a li", "utf-8")
    seen = {}
    for user in ("admin", "viewer"):
        browser.session.cookies.clear()
        browser.log_in(user, splunkd.sessions.passwords[user])
        jobs = "/en-US/splunkd/__raw/services/search/jobs"
        form = {"search": "`strava_log` | table action", "earliest_time": "0", "latest_time": "now"}
        made = browser.post(jobs, form, **{"X-Splunk-Form-Key": browser.form_key})
        answer = browser.get(f"/en-US/splunkd/__raw/services/search/v2/jobs/{made.json()['sid']}/results").json()
        seen[user] = answer["results"]
    assert seen == {"admin": [{"action": "started"}], "viewer": []}


def test_a_session_that_splunkd_has_ended_is_refused(admin: Browser, splunkd: Splunkd) -> None:
    splunkd.expire_session()
    assert admin.get(f"{RAW}/TA_strava_webhook_application?output_mode=json").status_code == 401
