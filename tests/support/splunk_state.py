"""Everything that a request to splunkd's stand-in can have changed."""

from __future__ import annotations

from sandbox.splunkd import Splunkd
from sandbox.splunkd.configuration import parse_conf

Settings = dict[tuple[str, str, str], str]


def written_files(splunkd: Splunkd) -> dict[str, str]:
    """Text of each file that splunkd writes, by its path below `etc`; passwords are encrypted anew with each change."""
    etc = splunkd.home / "etc"
    return {
        str(path.relative_to(etc)): path.read_text(encoding="utf-8")
        for path in sorted(etc.rglob("*"))
        if path.parent.name in ("local", "metadata") and path.is_file()
    }


def settings(splunkd: Splunkd) -> Settings:
    """Each setting of the app by file, stanza and name; passwords in clear."""
    found = {
        (path.rpartition("/")[2], stanza, name): value
        for path, text in written_files(splunkd).items()
        if path.endswith(".conf") and "passwords" not in path
        for stanza, values in parse_conf(text).items()
        for name, value in values.items()
    }
    status, answer = splunkd.request("GET", splunkd.path("storage/passwords"), {"count": -1})
    assert status == 200
    for entry in sorted(answer["entry"], key=lambda entry: str(entry["name"])):
        # UCC splits what it stores into numbered parts, the last of which is a mark.
        name, separator, _ = entry["name"].partition("``")
        part = str(entry["content"]["clear_password"])
        key = ("passwords.conf", name, "password")
        found[key] = found.get(key, "") + ("" if separator and part.startswith("``") else part)
    return found


def changes(before: Settings, after: Settings) -> Settings:
    """What is new or different, and, with the value `<gone>`, what is not there any more."""
    gone = {key: "<gone>" for key in before if key not in after}
    return {**{key: value for key, value in after.items() if before.get(key) != value}, **gone}
