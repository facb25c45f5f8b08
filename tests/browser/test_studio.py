"""When a dashboard counts as settled: the tests of dashboards read it then, and only once."""

from __future__ import annotations

from playwright.sync_api import Browser, Route

from tests.browser import studio

#: Draws one letter after the other. Between two it does what the framework does between a search and its picture.
PAGE = """<!doctype html><div id="dashboard"></div><script>
const draw = (letter) => dashboard.append(letter);
const beat = () => setTimeout(() => fetch('/answer').then((one) => one.text()).then(draw).then(frame), 1000);
const frame = () => requestAnimationFrame(() => { draw('b'); requestIdleCallback(() => { draw('c'); later(); }); });
const later = () => setTimeout(() => draw('d'), 900);
beat();
</script>"""


def test_a_page_that_asks_once_a_second_is_settled_when_the_last_answer_is_drawn(browser: Browser) -> None:
    def answer(route: Route) -> None:
        is_page = route.request.url.endswith("/page")
        route.fulfill(content_type="text/html", body=PAGE if is_page else "a")

    with studio.window(browser) as context:
        context.route("https://localhost/**", answer)
        page = context.new_page()
        page.goto("https://localhost/page")
        studio.settle(page)
        assert page.locator("#dashboard").inner_text() == "abcd"
