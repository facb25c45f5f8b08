"""Every link of the documentation leads somewhere, and every page can be found; and the checker would notice if not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import doc_links

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(DOCS.rglob("*.md")),
    *sorted((ROOT / "tools").rglob("*.md")),
    ROOT / "package" / "README.txt",
]

# The pages themselves.


def test_the_pages_are_there() -> None:
    names = {page.name for page in PAGES}
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "README.txt"} <= names
    assert {"getting-started.md", "configuration.md", "data.md", "moving.md"} <= names


def test_no_link_is_broken() -> None:
    assert doc_links.faults(ROOT, PAGES) == []


def test_every_page_of_the_documentation_is_reachable_from_the_readme() -> None:
    wanted = [page for page in PAGES if page.suffix == ".md" and (page.parent == ROOT or DOCS in page.parents)]
    assert doc_links.unreachable(ROOT, README, wanted) == []


def test_every_picture_is_shown_by_a_page() -> None:
    shown = {
        (page.parent / link.target).resolve()
        for page in PAGES
        for link in doc_links.links(page.read_text("utf-8"))
        if link.is_image
    }
    assert [path.name for path in sorted((DOCS / "images").glob("*.png")) if path.resolve() not in shown] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_of_the_repository_that_a_page_names_are_there(page: Path) -> None:
    for name in re.findall(r"`((?:tests|tools|sandbox|package|docs)/[\w./-]+)`", page.read_text("utf-8")):
        assert (ROOT / name).exists(), name


# The checker.

Site = Callable[..., Path]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Writes the pages of a small repository and returns its folder."""

    def write(**pages: str) -> Path:
        root = tmp_path / "repository"
        for name, text in {"README": "", **pages}.items():
            path = root / (name.replace("__", "/") + ".md")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        (root / "docs").mkdir(exist_ok=True)
        (root / "docs" / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n and the rest")
        (root / "docs" / "no-picture.png").write_bytes(b"<html>not found</html>")
        (root / "notes.txt").write_text("x", "utf-8")
        (tmp_path / "outside.md").write_text("# Secret", "utf-8")
        return root

    return write


def faults(root: Path) -> list[str]:
    return doc_links.faults(root, sorted(root.rglob("*.md")))


GOOD = [
    "[page](docs/page.md)",
    "[part](docs/page.md#a-heading)",
    "[the same heading again](docs/page.md#a-heading-1)",
    "[here](#below)\n\n# Below",
    "[a folder](docs/)",
    "[a file](notes.txt)",
    "[a picture](docs/picture.png)",
    "![what it shows](docs/picture.png)",
    "[![what it shows](docs/picture.png)](docs/page.md)",
    '[with a title](docs/page.md "Title")',
    "[by reference][page]\n\n[page]: docs/page.md",
    "[page][]\n\n[page]: docs/page.md",
    "[outside](https://www.strava.com/settings/api)",
    "[brackets](https://en.wikipedia.org/wiki/Webhook_(web))",
    "<https://developers.strava.com/docs/webhooks/>",
    "See https://developers.strava.com/docs/webhooks/, it says more.",
    '<a href="docs/page.md">page</a>',
    "[marked](#mark)\n\n<a id='mark'></a>",
    "In code, `[x](missing.md)` is no link.",
    "```\n[x](missing.md)\n```",
    "~~~\n[x](missing.md) http://nowhere\n~~~",
    "Text:\n\n    [x](missing.md)\n",
    "- item\n\n      [x](missing.md)\n",
    "<!-- [x](missing.md) -->",
    "A list [1] and a box [ ] are no links.",
]


@pytest.mark.parametrize("text", GOOD)
def test_what_is_right_is_not_complained_about(text: str, site: Site) -> None:
    assert faults(site(README=text, docs__page="# A heading\n\n## A heading")) == []


BROKEN = [
    ("[x](missing.md)", "there is no such file."),
    ("[x](docs/missing.md#a-heading)", "there is no such file."),
    ("[x](docs/PAGE.md)", "there is no such file.|the file is spelled otherwise."),
    ("[x](docs/page.md#other)", "the page has no such heading."),
    ("[x](docs/page.md#A-heading)", "the page has no such heading."),
    ("[x](docs/page.md#a-heading-2)", "the page has no such heading."),
    ("[x](docs/page.md#in-code)", "the page has no such heading."),
    ("[x](docs/page.md#)", "the page has no such heading."),
    ("[x](#nowhere)", "the page has no such heading."),
    ("[x](notes.txt#part)", "only a Markdown page has headings to lead to."),
    ("[x](docs/#part)", "only a Markdown page has headings to lead to."),
    ("[x](../outside.md)", "this is outside of the repository."),
    ("[x](/docs/page.md)", "a link within the repository is relative, with slashes and without blanks."),
    ("[x](docs\\page.md)", "a link within the repository is relative, with slashes and without blanks."),
    ("[x](<docs/a page.md>)", "a link within the repository is relative, with slashes and without blanks."),
    ("[x]()", "this cannot be read as a link, or its reference is not defined."),
    ("[x](docs/a page.md)", "this cannot be read as a link, or its reference is not defined."),
    ("[x](docs/page.md", "this cannot be read as a link, or its reference is not defined."),
    ("[x][nothing]", "this cannot be read as a link, or its reference is not defined."),
    ("[x][page]\n\n[page]: docs/missing.md", "there is no such file."),
    ("![what it shows](docs/missing.png)", "there is no such file."),
    ("![what it shows](docs/no-picture.png)", "this is no picture."),
    ("![what it shows](notes.txt)", "this is no picture."),
    ("![](docs/picture.png)", "a picture needs a description."),
    ("![x](https://example.com/picture.png)", "a picture must be in the repository."),
    ("[![x](docs/missing.png)](docs/page.md)", "there is no such file."),
    ("[![x](docs/picture.png)](docs/missing.md)", "there is no such file."),
    ("[x](http://www.strava.com/)", "an address outside begins with https://."),
    ("<http://www.strava.com/>", "an address outside begins with https://."),
    ("See http://www.strava.com/ for more.", "an address outside begins with https://."),
    ("[x](ftp://www.strava.com/)", "an address outside begins with https://."),
    ("[x](mailto:who@example.com)", "an address outside begins with https://."),
    ("[x](https://)", "this has no proper host name."),
    ("[x](https://strava)", "this has no proper host name."),
    ("[x](https://127.0.0.1/)", "this has no proper host name."),
    ("[x](https://www..strava.com/)", "this has no proper host name."),
    ("[x](https://user@www.strava.com/)", "this has no proper host name."),
    ("[x](https://www.strava.com:99999/)", "this is no address."),
    ("[x](https://www.strava.com:8443/)", "an address outside needs no port."),
    ("[x](https://www.strava.com/ä)", "write %XX."),
    ('<a href="docs/missing.md">x</a>', "there is no such file."),
    ('<img src="docs/missing.png" alt="x">', "there is no such file."),
    ("```\ncode\n```\n[x](missing.md)", "there is no such file."),
    ("- item\n\n  [x](missing.md)\n", "there is no such file."),
    ("| a |\n|---|\n| [x](missing.md) |", "there is no such file."),
]


@pytest.mark.parametrize(("text", "fault"), BROKEN)
def test_what_is_broken_is_found(text: str, fault: str, site: Site) -> None:
    page = "# A heading\n\n# A heading\n\n```\n# In code\n```\n"
    (found,) = faults(site(README=text, docs__page=page))
    assert re.search(rf"^README\.md:\d+: .*: (?:{fault})$", found)


def test_a_fault_names_page_line_and_target(site: Site) -> None:
    root = site(docs__page="# Page\n\n```\nx\n```\n\nText\n[x](missing.md) and [y](gone.md)\n")
    assert faults(root) == [
        "docs/page.md:8: missing.md: there is no such file.",
        "docs/page.md:8: gone.md: there is no such file.",
    ]


def test_a_page_that_no_other_links_to_is_found(site: Site) -> None:
    root = site(
        README="[a](docs/a.md), `[d](docs/d.md)`",
        docs__a="[b](b.md#part), [e](more/)",
        docs__b="[a](a.md)",
        docs__c="[a](a.md)",
        docs__d="",
        docs__more__README="[f](f.md)",
        docs__more__f="",
        docs__more__g="",
    )
    pages = sorted(root.rglob("*.md"))
    assert doc_links.unreachable(root, root / "README.md", pages) == ["docs/c.md", "docs/d.md", "docs/more/g.md"]


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("Configuration → Athletes", "configuration--athletes"),
        ("8. Subscribe", "8-subscribe"),
        ("Can Strava reach it?", "can-strava-reach-it"),
        ("`strava:activities`", "stravaactivities"),
        ("What is *not* promised", "what-is-not-promised"),
        ("The `job_id` of _one_ job", "the-job_id-of-one-job"),
        ("[A link](x.md) in it", "a-link-in-it"),
        ("Über alles", "über-alles"),
        ("0.1.0, not yet released", "010-not-yet-released"),
    ],
)
def test_headings_are_spelled_as_github_does(heading: str, expected: str) -> None:
    assert doc_links.slug(heading) == expected
    assert doc_links.anchors(f"# {heading}\n") == {expected}
    assert doc_links.anchors(f"{heading}\n---\n") == {expected}
