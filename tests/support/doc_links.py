"""Finds broken links in Markdown pages, as GitHub shows them, without calling anybody.

A link within the repository must lead to a file that is there (in exactly this spelling, which some file systems do
not ask for) and to a heading that is there. A link to the outside must be a well-formed https address. A picture must
be one and have a text for who does not see it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional
from urllib.parse import unquote, urlsplit

#: What the first bytes of a picture are, by its suffix.
_SIGNATURES = {".png": b"\x89PNG\r\n\x1a\n", ".jpg": b"\xff\xd8\xff", ".svg": b"<svg"}

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*\n.*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(?:.+?)(?<!`)\1(?!`)", re.DOTALL)
#: An indented block follows an empty line; an item of a list may hold one, which is indented further than its text.
_ITEM = re.compile(r"^( *)(?:[-*+]|\d{1,9}[.)]) ")

#: ``[text](target "title")`` and ``![alt](target)``. A text may hold a picture or brackets.
_INLINE = re.compile(
    r"(!?)\[((?:[^\[\]]|!?\[[^\[\]]*\](?:\([^()]*\))?)*)\]"
    r"\(\s*(?:<([^<>\n]*)>|([^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*))(?:\s+(?:\"[^\"]*\"|'[^']*'))?\s*\)"
)
#: What looks like the beginning of a link and cannot be read as one.
_UNREADABLE = re.compile(r"\]\([^)\n]*\)?")
_DEFINITION = re.compile(r"^ {0,3}\[([^\]\n]+)\]:\s*<?(\S+?)>?(?:\s+[\"'(].*)?$", re.MULTILINE)
_REFERENCE = re.compile(r"\[([^\[\]\n]+)\]\[([^\[\]\n]*)\]")
_AUTOLINK = re.compile(r"<((?:https?|ftp|mailto):[^<>\s]*)>")
_BARE = re.compile(r"(?<![\w(\[<\"'=/])(https?://[^\s<>|]+)")
_HTML = re.compile(r"<(?:a|img)\s[^>]*?\b(href|src)\s*=\s*[\"']([^\"']*)[\"']")
_HTML_ANCHOR = re.compile(r"<a\s[^>]*?\b(?:id|name)\s*=\s*[\"']([^\"']+)[\"']")
_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$", re.MULTILINE)
_UNDERLINED = re.compile(r"^ {0,3}(\S.*)\n {0,3}(?:=+|-+)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Link:
    """One link of a page."""

    target: str
    #: The line that it is in, from 1.
    line: int
    is_image: bool = False
    #: The text that is shown; of a picture, its description.
    text: str = ""


def links(text: str) -> list[Link]:
    """All links of a Markdown page, in their order; those in code and comments are none."""
    shown = _without_code(text)
    found: list[tuple[int, str, bool, str]] = []
    rest = shown
    for match in _INLINE.finditer(shown):
        found.append((match.start(), match[3] if match[3] is not None else match[4], match[1] == "!", match[2]))
        # A picture that is itself a link.
        inner = _INLINE.search(match[2])
        if inner is not None:
            found.append((match.start(2) + inner.start(), inner[3] or inner[4], inner[1] == "!", inner[2]))
        rest = _blanked(rest, match.start(), match.end())
    defined = {match[1].lower() for match in _DEFINITION.finditer(rest)}
    for match in _DEFINITION.finditer(rest):
        found.append((match.start(), match[2], False, match[1]))
    for match in _REFERENCE.finditer(rest):
        name = match[2] or match[1]
        if name.lower() not in defined:
            found.append((match.start(), f"[{name}]", False, match[1]))
    for match in _HTML.finditer(rest):
        # Whether it has a description, nobody looks.
        found.append((match.start(), match[2], match[1] == "src", "HTML"))
    for pattern in (_DEFINITION, _HTML):
        for match in pattern.finditer(rest):
            rest = _blanked(rest, match.start(), match.end())
    for match in _UNREADABLE.finditer(rest):
        found.append((match.start(), match[0][1:], False, ""))
    for pattern in (_AUTOLINK, _BARE):
        for match in pattern.finditer(rest):
            # Punctuation at its end belongs to the sentence.
            found.append((match.start(), match[1].rstrip(".,;:!?*_)'\""), False, ""))
    return [
        Link(target, text.count("\n", 0, start) + 1, is_image, shown_text)
        for start, target, is_image, shown_text in sorted(found)
    ]


def anchors(text: str) -> frozenset[str]:
    """What may stand behind ``#`` in a link to this page: its headings as GitHub spells them, and ``<a id>``."""
    shown = _without_code(text, keep_spans=True)
    headings = [(match.start(), match[2]) for match in _HEADING.finditer(shown)]
    headings += [(match.start(), match[1]) for match in _UNDERLINED.finditer(shown) if not match[1].startswith("|")]
    found: set[str] = set()
    for _, heading in sorted(headings):
        base, number = slug(heading), 0
        name = base
        while name in found:
            number += 1
            name = f"{base}-{number}"
        found.add(name)
    return frozenset(found | set(_HTML_ANCHOR.findall(_without_code(text))))


def slug(heading: str) -> str:
    """``Configuration → *Athletes*`` → ``configuration--athletes``."""
    plain = _INLINE.sub(lambda match: "" if match[1] else match[2], heading)
    plain = re.sub(r"<[^>]*>", "", plain)
    # Emphasis by underscores; inside a word or in code they stay.
    plain = re.sub(r"(?<![\w`])_([^_`]+)_(?![\w`])", r"\1", plain)
    return re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")


def faults(root: Path, pages: Sequence[Path]) -> list[str]:
    """What is wrong with the links of the pages, all below ``root``; one sentence each."""
    return [
        f"{page.relative_to(root).as_posix()}:{link.line}: {link.target}: {fault}"
        for page in pages
        for link in links(page.read_text("utf-8"))
        for fault in [_fault(root, page, link)]
        if fault is not None
    ]


def unreachable(root: Path, start: Path, pages: Sequence[Path]) -> list[str]:
    """The pages that nobody finds who begins at ``start`` and follows links."""
    seen: set[Path] = set()
    waiting = [start]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        for link in links(page.read_text("utf-8")):
            target = _page_of(root, page, link.target)
            if target is not None:
                waiting.append(target)
    return [page.relative_to(root).as_posix() for page in pages if page not in seen]


def _page_of(root: Path, page: Path, target: str) -> Optional[Path]:
    """The Markdown page that a link leads to: a folder shows its README."""
    path, _, _ = target.partition("#")
    if not path or ":" in path:
        return None
    linked = (page.parent / unquote(path)).resolve()
    if linked.is_dir():
        linked = linked / "README.md"
    return linked if linked.suffix == ".md" and linked.is_file() and root.resolve() in linked.parents else None


def _fault(root: Path, page: Path, link: Link) -> Optional[str]:
    target = link.target
    if not target or target.startswith(("[", "(")):
        return "this cannot be read as a link, or its reference is not defined."
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", target):
        return "a picture must be in the repository." if link.is_image else _outside_fault(target)
    if target.startswith("/") or "\\" in target or re.search(r"\s", target):
        return "a link within the repository is relative, with slashes and without blanks."
    path, _, anchor = target.partition("#")
    linked = page if not path else page.parent / unquote(path)
    fault = _file_fault(root, linked)
    if fault is None and link.is_image:
        fault = _image_fault(linked, link)
    if fault is None and "#" in target:
        fault = _anchor_fault(linked, unquote(anchor))
    return fault


def _outside_fault(target: str) -> Optional[str]:
    try:
        parts = urlsplit(target)
        host, port, user = parts.hostname or "", parts.port, parts.username
    except ValueError:
        return "this is no address."
    if parts.scheme != "https":
        return "an address outside begins with https://."
    if user is not None or not re.fullmatch(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", host):
        return "this has no proper host name."
    if port is not None:
        return "an address outside needs no port."
    return None if re.fullmatch(r"[!-~]+", target) and not re.search(r"[<>\"{}|\\^`]", target) else "write %XX."


def _file_fault(root: Path, linked: Path) -> Optional[str]:
    resolved = linked.resolve()
    if resolved != root.resolve() and root.resolve() not in resolved.parents:
        return "this is outside of the repository."
    if not linked.exists():
        return "there is no such file."
    for part in (resolved, *resolved.parents):
        if part == root.resolve():
            return None
        if part.name not in {entry.name for entry in part.parent.iterdir()}:
            return "the file is spelled otherwise."
    return None


def _image_fault(linked: Path, link: Link) -> Optional[str]:
    signature = _SIGNATURES.get(linked.suffix)
    if signature is None or not linked.is_file() or not linked.read_bytes().startswith(signature):
        return "this is no picture."
    return None if link.text.strip() else "a picture needs a description."


def _anchor_fault(linked: Path, anchor: str) -> Optional[str]:
    if linked.suffix != ".md":
        return "only a Markdown page has headings to lead to."
    return None if anchor in anchors(linked.read_text("utf-8")) else "the page has no such heading."


def _without_code(text: str, *, keep_spans: bool = False) -> str:
    """The text with code and comments made blank, so that everything else stays where it is."""
    for pattern in (_FENCE, _COMMENT):
        for match in pattern.finditer(text):
            text = _blanked(text, match.start(), match.end())
    text = "\n".join(_without_indented_code(text.split("\n")))
    if not keep_spans:
        for match in _SPAN.finditer(text):
            if "\n\n" not in match[0]:
                text = _blanked(text, match.start(), match.end())
    return text


def _without_indented_code(lines: Sequence[str]) -> Iterator[str]:
    margin, in_code, after_blank = 0, False, True
    for line in lines:
        if not line.strip():
            after_blank = True
            yield line
            continue
        indent = len(line) - len(line.lstrip(" "))
        if in_code and indent < margin + 4:
            in_code = False
        if not in_code:
            if after_blank and indent < margin:
                margin = 0
            if after_blank and indent >= margin + 4:
                in_code = True
            item = _ITEM.match(line)
            if item is not None and not in_code:
                margin = item.end()
        after_blank = False
        yield " " * len(line) if in_code else line


def _blanked(text: str, start: int, end: int) -> str:
    return text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]
