"""Entities of splunkd's REST interface, and how they are written as Atom and as JSON."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

ATOM = "http://www.w3.org/2005/Atom"
REST = "http://dev.splunk.com/ns/rest"
UPDATED = "1970-01-01T00:00:00+00:00"
VERSION = "9.4.0"
BUILD = "sandbox"


class RestFault(Exception):
    """An answer that is not a success: status and the text of its one message."""

    def __init__(self, status: int, text: str, severity: str = "ERROR") -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.severity = severity


@dataclass
class Entity:
    """One entry of an answer."""

    name: str
    content: Mapping[str, object]
    #: Path of its collection below `/servicesNS/<owner>/<app>/`.
    collection: str
    app: str = "system"
    owner: str = "nobody"
    removable: bool = True
    required: Sequence[str] = ()
    optional: Sequence[str] = ()
    #: What a REST handler said about access; else the usual rights are made up.
    acl: Mapping[str, object] | None = None
    actions: tuple[str, ...] = ()

    def path(self) -> str:
        """Its address. A slash in the name is `%252F`: splunklib decodes a link once before it uses it."""
        name = quote(self.name.replace("/", "%2F"), safe="")
        return f"/servicesNS/{self.owner}/{self.app}/{self.collection}/{name}"

    def links(self) -> dict[str, str]:
        path = self.path()
        links = {"alternate": path, "list": path, "_reload": f"{path}/_reload", "edit": path}
        if self.removable:
            links["remove"] = path
        links.update({action: f"{path}/{action}" for action in self.actions})
        return links

    def access(self) -> dict[str, object]:
        usual: dict[str, object] = {
            "app": self.app,
            "owner": self.owner,
            "sharing": "system" if self.app == "system" else "global",
            "can_change_perms": True,
            "can_list": True,
            "can_share_app": True,
            "can_share_global": True,
            "can_share_user": False,
            "can_write": True,
            "modifiable": True,
            "removable": self.removable,
            "perms": {"read": ["*"], "write": ["admin", "sc_admin"]},
        }
        return {**usual, **(self.acl or {})}


@dataclass
class Listing:
    """A successful answer."""

    collection: str
    entities: list[Entity] = field(default_factory=list)
    status: int = 200
    total: int | None = None
    offset: int = 0


def select(entities: list[Entity], arguments: Mapping[str, Sequence[str]]) -> list[Entity]:
    """Apply the `search` argument: `field=value` terms (with `*`) and bare words, all of which must fit."""
    text = (arguments.get("search") or [""])[0]
    terms = shlex.split(text.replace("\\=", "\0")) if text else []
    for term in terms:
        name, separator, wanted = term.partition("=")
        name, wanted = name.replace("\0", "="), wanted.replace("\0", "=")
        entities = [entity for entity in entities if _fits(entity, name, wanted if separator else None)]
    return entities


def _fits(entity: Entity, name: str, wanted: str | None) -> bool:
    if wanted is None:
        words = [entity.name, *(str(value) for value in entity.content.values())]
        return any(name.lower() in word.lower() for word in words)
    if name in ("name", "title"):
        value: object = entity.name
    elif name.startswith("eai:acl."):
        value = entity.access().get(name[len("eai:acl.") :])
    else:
        value = entity.content.get(name)
    return value is not None and fnmatchcase(str(value).lower(), wanted.lower())


def window(arguments: Mapping[str, Sequence[str]]) -> tuple[int, int]:
    """`offset` and `count` as they were asked for; 30 entries unless told, 0 or less means all.

    Raises:
        RestFault: 400, one of them is no number.
    """
    numbers = []
    for name, usual in (("offset", "0"), ("count", "30")):
        text = (arguments.get(name) or [usual])[0]
        # Not int() alone, which takes other digits, blanks and underlines as well.
        if not re.fullmatch(r"[0-9]{1,9}" if name == "offset" else r"-?[0-9]{1,9}", text):
            raise RestFault(400, f'The argument "{name}" has to be a whole number.')
        numbers.append(int(text))
    offset, count = numbers
    return offset, count


def page(listing: Listing, arguments: Mapping[str, Sequence[str]]) -> Listing:
    """Apply `offset` and `count`.

    Raises:
        RestFault: 400, one of them is no number.
    """
    offset, count = window(arguments)
    listing.total = len(listing.entities)
    listing.offset = offset
    end = offset + count if count > 0 else None
    listing.entities = listing.entities[offset:end]
    return listing


def as_json(listing: Listing, origin: str) -> str:
    """The answer to a request with `output_mode=json`."""
    entries = [
        {
            "name": entity.name,
            "id": origin + entity.path(),
            "updated": UPDATED,
            "links": entity.links(),
            "author": entity.owner,
            "acl": entity.access(),
            "fields": {
                "required": list(entity.required),
                "optional": list(entity.optional),
                "wildcard": [],
            },
            "content": {"eai:acl": None, **entity.content},
        }
        for entity in listing.entities
    ]
    total = len(entries) if listing.total is None else listing.total
    return json.dumps(
        {
            "links": {"create": f"/services/{listing.collection}/_new"},
            "origin": f"{origin}/services/{listing.collection}",
            "updated": UPDATED,
            "generator": {"build": BUILD, "version": VERSION},
            "entry": entries,
            "paging": {"total": total, "perPage": 30, "offset": listing.offset},
            "messages": [],
        }
    )


def as_atom(listing: Listing, origin: str) -> str:
    """The answer to a request without `output_mode`."""
    total = len(listing.entities) if listing.total is None else listing.total
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<feed xmlns="{ATOM}" xmlns:s="{REST}" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">',
        f"<title>{escape(listing.collection)}</title>",
        f"<id>{escape(origin)}/services/{escape(listing.collection)}</id>",
        f"<updated>{UPDATED}</updated>",
        f'<generator build="{BUILD}" version="{VERSION}"/>',
        "<author><name>Splunk</name></author>",
        f"<opensearch:totalResults>{total}</opensearch:totalResults>",
        f"<opensearch:startIndex>{listing.offset}</opensearch:startIndex>",
        "<s:messages/>",
    ]
    parts += [_atom_entry(entity, origin) for entity in listing.entities]
    parts.append("</feed>")
    return "".join(parts)


def _atom_entry(entity: Entity, origin: str) -> str:
    content = {
        **entity.content,
        "eai:acl": entity.access(),
        "eai:attributes": {
            "optionalFields": list(entity.optional),
            "requiredFields": list(entity.required),
            "wildcardFields": [],
        },
    }
    links = "".join(f"<link href={quoteattr(href)} rel={quoteattr(rel)}/>" for rel, href in entity.links().items())
    return (
        f"<entry><title>{escape(entity.name)}</title><id>{escape(origin + entity.path())}</id>"
        f"<updated>{UPDATED}</updated>{links}<author><name>{escape(entity.owner)}</name></author>"
        f'<content type="text/xml">{_atom_value(content)}</content></entry>'
    )


def _atom_value(value: object) -> str:
    if isinstance(value, Mapping):
        keys = (f"<s:key name={quoteattr(str(name))}>{_atom_value(item)}</s:key>" for name, item in value.items())
        return f"<s:dict>{''.join(keys)}</s:dict>"
    if isinstance(value, (list, tuple)):
        return "<s:list>" + "".join(f"<s:item>{_atom_value(item)}</s:item>" for item in value) + "</s:list>"
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else escape(str(value))


def fault_as_json(fault: RestFault) -> str:
    return json.dumps({"messages": [{"type": fault.severity, "text": fault.text}]})


def fault_as_xml(fault: RestFault) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<response><messages>'
        f"<msg type={quoteattr(fault.severity)}>{escape(fault.text)}</msg></messages></response>"
    )
