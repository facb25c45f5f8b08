"""Makes the pictures in ``docs/images``, from the built pages with a story behind them. ``make screenshots`` runs it.

The browser believes that Splunk Web is at splunk.example.com, so that no port and no `localhost` is in a picture; the
callback URL's host is rides.example.com. Everything else is as it would be.
"""

from __future__ import annotations

import io
import itertools
import re
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, expect, sync_playwright

from sandbox import program
from sandbox.certificates import Certificates, ServerCertificate
from sandbox.sandbox import INDEX, PATIENCE, Input, Sandbox, SandboxRefused, free_port
from sandbox.splunk_web.preview import Preview
from sandbox.strava import Application, Athlete
from tests.browser import studio
from tests.browser.pages import CheckTab, ConfigurationPage, Dialog, Form, InputsPage, Table, log_in
from tests.browser.patience import be_patient
from tests.support.waiting import until
from tools import chromium, environments, screenshots
from tools import studio as framework

HOST = "splunk.example.com"
CALLBACK = "https://rides.example.com:8443/strava/9f2c81d7a4e05b36"

#: Wide enough for the tables.
WIDTH = 1280
COLOURS = 128


class Album:
    """Takes the pictures, one after the other."""

    def __init__(self, sandbox: Sandbox, browser: Browser, folder: Path) -> None:
        self._sandbox = sandbox
        self._folder = folder
        context = browser.new_context(
            ignore_https_errors=True,
            viewport={"width": WIDTH, "height": 1900},
            locale="en-US",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        be_patient(context)
        self.page = context.new_page()
        log_in(self.page, f"https://{HOST}", "admin", sandbox.splunkd.sessions.password)
        self.app_url = f"https://{HOST}/en-US/app/{sandbox.splunkd.app}"

    def configuration(self) -> ConfigurationPage:
        return ConfigurationPage(self.page, self)

    def inputs(self) -> InputsPage:
        return InputsPage(self.page, self)

    def take_dialog(self, name: str, form: Dialog) -> None:
        """The dialog alone."""
        self._unfocus(self.page)
        self._write(name, form.root.screenshot())

    def take_table(self, name: str, table: Table) -> None:
        """The page from its top to the end of the table."""
        self._take_down_to(name, table.root.locator("table").bounding_box())

    def take_settings(self, name: str, settings: Form) -> None:
        """The page from its top to the button that saves."""
        self._take_down_to(name, settings.root.get_by_role("button", name="Save").bounding_box())

    def take_check(self, name: str) -> None:
        """The set-up check from the page's top to its last line."""
        tab = CheckTab(self.page, self)
        self._take_down_to(name, tab.root.locator("table").bounding_box())

    def take_window(self, name: str, page: Page, height: int) -> None:
        """A popup."""
        page.set_viewport_size({"width": 600, "height": height})
        self._unfocus(page)
        self._write(name, page.screenshot())

    def _take_down_to(self, name: str, box: object) -> None:
        assert isinstance(box, dict), f"What ends the picture {name} is not on the page."
        self._unfocus(self.page)
        # Without the bar on top, which is not the add-on's and looks different in Splunk.
        bar = self.page.locator("header[data-view]").bounding_box()
        top = bar["y"] + bar["height"] if bar else 0.0
        height = box["y"] + box["height"] + 24 - top
        self._write(name, self.page.screenshot(clip={"x": 0, "y": top, "width": WIDTH, "height": height}))

    def _unfocus(self, page: Page) -> None:
        page.evaluate("document.activeElement && document.activeElement.blur()")
        page.mouse.move(0, 0)

    def _write(self, name: str, picture: bytes) -> None:
        write(self._folder / f"{name}.png", picture)


def write(file: Path, picture: bytes) -> None:
    """A third of the size with few colours, and nobody sees a difference."""
    with Image.open(io.BytesIO(picture)) as image:
        few = image.convert("RGB").quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(file, "PNG", optimize=True)
    print(f"{file.name}, {file.stat().st_size / 1024:.0f} KB", flush=True)


class Story:
    """What has happened before the pictures are taken."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        strava = sandbox.strava
        self.application: Application = strava.add_application("Club", callback_domain=HOST)
        self.certificate: ServerCertificate = sandbox.certificates.issue("rides", "rides.example.com", "localhost")
        self.anna: Athlete = strava.add_athlete("Anna", "Bergström")
        self.ben: Athlete = strava.add_athlete("Ben", "Okafor")
        self.chloe: Athlete = strava.add_athlete("Chloé", "Martin")
        strava.add_athlete("Dana", "Levi")

    def applications(self) -> None:
        """One that Strava knows, and one that was saved while Strava could not be asked."""
        sandbox = self.sandbox
        self._save_application(self.application)
        other = sandbox.strava.add_application("Family", callback_domain=HOST)
        with sandbox.strava.faults.outage(503, path="/api/v3/*"):
            self._save_application(other)

    def athletes(self) -> None:
        """One who is connected and has saved a ride, one who must reconnect, one who has left."""
        sandbox, strava = self.sandbox, self.sandbox.strava
        for athlete, row in ((self.anna, "anna"), (self.ben, "ben"), (self.chloe, "chloe")):
            sandbox.connect(athlete, row, self.application)
        strava.sign_out()
        # The callback URL of the pictures cannot be reached; a first one can.
        today = datetime.now(timezone.utc)
        first = sandbox.certificates.issue(
            "first", not_before=today - timedelta(days=20), not_after=today + timedelta(days=70, hours=1)
        )
        made: Input = sandbox.add_input(
            "rides", self.application, cert_file=str(first.cert_file), key_file=str(first.key_file)
        )
        sandbox.wait_until_healthy(made)
        sandbox.subscribe(self.application, made)
        strava.record(self.anna, title="Morning Ride")
        strava.expire_access_token(self.ben)
        strava.revoke_refresh_token(self.ben)
        strava.record(self.ben, title="Lunch Run")
        strava.deauthorize(self.chloe)

    def state_of(self, row: str) -> str:
        """What the table of athletes will show."""
        status, answer = self.sandbox.splunkd.request(
            "GET", self.sandbox.splunkd.path("TA_strava_webhook_account", row)
        )
        return str(answer["entry"][0]["content"].get("state")) if status == 200 else ""

    def move_the_input(self) -> None:
        """Give the input the address of the pictures."""
        for port in (8443, free_port()):
            try:
                self.sandbox.post(
                    "TA_strava_webhook_strava_webhook/rides",
                    callback_url=CALLBACK,
                    port=port,
                    cert_file=str(self.certificate.cert_file),
                    key_file=str(self.certificate.key_file),
                    in_front="router",
                    index=INDEX,
                )
            except SandboxRefused as refusal:
                print(f"port {port}: {refusal}")
            else:
                return
        raise RuntimeError("The input of the pictures could not be saved.")

    def history(self) -> None:
        """An input of the other kind has collected what Anna rode before."""
        now = datetime.now(timezone.utc)
        for weeks in range(1, 31):
            start = now - timedelta(weeks=weeks, hours=weeks % 5)
            self.sandbox.strava.record(self.anna, start_date=start, notify=False)
        self.sandbox.add_activities_input("history", self.application, athletes="anna", interval=14_400)
        until(lambda: re.fullmatch(r"(\d+) of \1 in full", self.state_of_history()), PATIENCE)

    def state_of_history(self) -> str:
        """What the table of inputs will show."""
        _, answer = self.sandbox.splunkd.request(
            "GET", self.sandbox.splunkd.path("TA_strava_webhook_strava_activities", "history")
        )
        return str(answer["entry"][0]["content"].get("history"))

    def default_settings(self) -> None:
        """The tab *Advanced* as it is after the installation; nothing calls Strava any more."""
        for page, name in (("strava_webhook", "rides"), ("strava_activities", "history")):
            self.sandbox.post(f"TA_strava_webhook_{page}/{name}", disabled="1")
            until(lambda name=name: not self.sandbox.splunkd.inputs.running(name), PATIENCE)  # type: ignore[misc]
        self.sandbox.post(
            "TA_strava_webhook_settings/advanced",
            api_url="https://www.strava.com/api/v3",
            oauth_url="https://www.strava.com/oauth",
            ca_file="",
        )

    def _save_application(self, application: Application) -> None:
        self.sandbox.post(
            "TA_strava_webhook_application",
            name=application.name,
            client_id=application.client_id,
            client_secret=application.client_secret,
        )


def take_all(story: Story, album: Album) -> None:
    """Tell the story, and take each picture when it is there."""
    album.take_check("check-empty")
    table = album.configuration().open("Applications")
    form = table.add()
    form.fill("name", "Club")
    form.fill("client_id", str(story.application.client_id))
    form.fill("client_secret", story.application.client_secret)
    album.take_dialog("application-form", form)
    form.cancel()
    story.applications()
    album.take_table("applications", album.configuration().open("Applications"))

    story.athletes()
    for row, state in (("anna", "connected"), ("ben", "needs to reconnect"), ("chloe", "disconnected")):
        until(lambda row=row, state=state: story.state_of(row) == state, PATIENCE)  # type: ignore[misc]
    table = album.configuration().open("Athletes")
    expect(table.row("anna").locator('[data-column="last_activity"]')).not_to_have_text("")
    album.take_table("athletes", table)
    album.take_check("check")
    form = album.configuration().open("Athletes").add()
    form.fill("name", "dana")
    form.choose("application", "Club")
    album.take_dialog("athlete-form", form)
    with form.saving_with_consent() as consent:
        consent.log_in("Dana Levi")
        album.take_window("consent", consent.page, 450)
        consent.authorize()
    form.expect_saved()

    story.history()
    story.move_the_input()
    inputs = album.inputs()
    album.take_table("inputs", inputs)
    form = inputs.create()
    enter(form, "evenings", "Family", "https://rides.example.com:9443/strava/5be1f07c9a3d2846", "9443")
    form.fill("cert_file", "/etc/ssl/rides/fullchain.pem")
    form.fill("key_file", "/etc/ssl/rides/privkey.pem")
    album.take_dialog("input-form", form)
    enter(form, "evenings", "Club", "http://rides.example.com", "70000")
    form.type_choice("index", "rides")
    form.save_refused()
    album.take_dialog("input-refused", form)
    form.cancel()
    form = inputs.create("Strava Activities")
    form.fill("name", "everything")
    form.choose("application", "Club")
    form.field("athletes").get_by_role("combobox").click()
    for row in ("anna", "dana"):
        form.page.get_by_role("option", name=row, exact=True).click()
    form.page.keyboard.press("Escape")
    form.fill("start_date", "2015-01-01")
    expect(form.field("interval")).to_contain_text("for 2 athletes")
    album.take_dialog("activities-form", form)
    form.cancel()

    story.default_settings()
    album.take_settings("proxy", album.configuration().settings("Proxy"))
    album.take_settings("logging", album.configuration().settings("Logging"))
    album.take_settings("advanced", album.configuration().settings("Advanced"))

    album.page.goto(f"https://{HOST}/en-US/account/theme?set=dark&return_to=/en-US/app/launcher/home")
    album.take_table("athletes-dark", album.configuration().open("Athletes"))


def take_dashboards(browser: Browser, folder: Path, home: Path) -> None:
    """Each dashboard over the sample's training, light and dark, without the bar on top."""
    folder.mkdir(parents=True, exist_ok=True)
    certificates = Certificates(home / "dashboards")
    with (
        Preview(studio.PACKAGE, certificates, framework.ready(), studio.sample()) as preview,
        studio.window(browser) as context,
    ):
        page = context.new_page()
        for view, theme in itertools.product(studio.views(), ("light", "dark")):
            studio.show(page, preview, view, "full", theme, studio.chosen(view))
            top = page.locator("header[data-view]").bounding_box()
            box = page.viewport_size
            assert top is not None, "the bar on top is gone"
            assert box is not None
            clip = FloatRect(x=0, y=top["height"], width=box["width"], height=box["height"] - top["height"])
            write(folder / f"{view}-{theme}.png", page.screenshot(clip=clip))
        assert preview.take_unknown() == []


def enter(form: Dialog, name: str, application: str, callback_url: str, port: str) -> None:
    form.fill("name", name)
    form.choose("application", application)
    form.fill("callback_url", callback_url)
    form.fill("port", port)


def main() -> int:
    """Make all pictures, then note what they were made from."""
    program.prepare()
    app = environments.ROOT / "output" / "TA_strava_webhook"
    folder = screenshots.IMAGES
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="strava-screenshots-") as home,
        Sandbox(app=app, folder=Path(home), python=Path(sys.executable), web=True) as sandbox,
        sync_playwright() as playwright,
    ):
        flags = list(chromium.FLAGS)
        rule = next(flag for flag in flags if flag.startswith("--host-resolver-rules="))
        flags[flags.index(rule)] = rule.replace("=", f"=MAP {HOST}:443 127.0.0.1:{sandbox.web.port} , ", 1)
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=flags)
        take_dashboards(browser, folder / "dashboards", Path(home))
        take_all(Story(sandbox), Album(sandbox, browser, folder))
        browser.close()
    screenshots.note_what_they_are_made_from()
    return 0


if __name__ == "__main__":
    sys.exit(main())
