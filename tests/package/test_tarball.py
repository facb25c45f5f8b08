"""What is in the tarball, and what is not."""

from __future__ import annotations

import configparser
import json
import os
import re
import stat
import tarfile
from pathlib import Path

import pytest

from tools import environments, package


@pytest.fixture(scope="module")
def entries(tarball: Path) -> list[tarfile.TarInfo]:
    with tarfile.open(tarball) as archive:
        return archive.getmembers()


def test_it_unpacks_into_one_folder_named_like_the_app(entries: list[tarfile.TarInfo]) -> None:
    assert {entry.name.partition("/")[0] for entry in entries} == {"TA_strava_webhook"}


def test_it_is_smaller_than_6_mb(tarball: Path) -> None:
    assert tarball.stat().st_size < 6 * 1024 * 1024


def test_it_holds_only_files_and_folders_that_everyone_may_read_and_the_owner_write(
    entries: list[tarfile.TarInfo],
) -> None:
    kinds = {("folder" if entry.isdir() else "file" if entry.isfile() else "other", entry.mode) for entry in entries}
    assert kinds == {("folder", 0o755), ("file", 0o644)}


def test_it_names_no_user_of_the_build_machine(entries: list[tarfile.TarInfo]) -> None:
    assert {(entry.uid, entry.gid, entry.uname, entry.gname) for entry in entries} == {(0, 0, "", "")}


def test_everything_in_it_is_dated_like_the_commit(entries: list[tarfile.TarInfo]) -> None:
    assert {entry.mtime for entry in entries} == {package.commit_time(environments.ROOT)}


def test_nothing_compiled_cached_or_left_over_is_in_it(entries: list[tarfile.TarInfo]) -> None:
    junk = re.compile(
        r"\.(so|pyd|dylib|dll|pyc|pyo|swp|orig|rej|map)$|/__pycache__|/lib/bin(/|$)|\.dist-info|\.egg-info"
        r"|/local(/|$)|/\.[^/]+|~$|/tests?(/|$)"
    )
    assert [entry.name for entry in entries if junk.search(entry.name)] == []


def test_the_output_folder_is_what_the_tarball_unpacks_to(addon: Path) -> None:
    output = environments.ROOT / "output" / package.ADDON
    assert _contents(output) == _contents(addon)


def test_the_version_is_the_same_everywhere(addon: Path, version: str) -> None:
    app_conf = _read_conf(addon / "default" / "app.conf")
    build = addon / "appserver" / "static" / "js" / "build"
    found = {
        "app.manifest": json.loads((addon / "app.manifest").read_text("utf-8"))["info"]["id"]["version"],
        "app.conf [launcher]": app_conf["launcher"]["version"],
        "app.conf [id]": app_conf["id"]["version"],
        "VERSION": " ".join(set((addon / "VERSION").read_text("utf-8").split())),
        "globalConfig.json": json.loads((build / "globalConfig.json").read_text("utf-8"))["meta"]["version"],
        "openapi.json": json.loads((addon / "appserver" / "static" / "openapi.json").read_text("utf-8"))["info"][
            "version"
        ],
        "redirect page": next(build.glob("*_redirect_page.*.js")).name.partition("_redirect_page.")[2][: -len(".js")],
    }
    assert found == dict.fromkeys(found, version)


def test_the_sources_name_the_version_once() -> None:
    source = json.loads((environments.ROOT / "globalConfig.json").read_text("utf-8"))
    assert source["meta"]["version"] == "0.0.0", "the build writes the version of package/app.manifest in its place"


def test_no_path_of_the_build_machine_is_in_it(addon: Path) -> None:
    here = {str(environments.ROOT), str(Path.home()), os.path.realpath(environments.build().folder), "/build-"}
    here.discard("/")
    found = [
        (path.relative_to(addon).as_posix(), text)
        for path in addon.rglob("*")
        if path.is_file()
        for text in here
        # as a whole path: /root is not in /rootCause
        if re.search(re.escape(text.encode()) + rb"(?![A-Za-z0-9])", path.read_bytes())
    ]
    assert found == []


def test_every_conf_file_parses_without_duplicates(addon: Path) -> None:
    conf_files = list((addon / "default").glob("*.conf"))
    assert len(conf_files) > 5
    for path in conf_files:
        assert _read_conf(path).sections(), path


def test_the_inputs_are_started_by_splunkd_itself_with_the_pythons_that_are_tested(addon: Path) -> None:
    inputs = _read_conf(addon / "default" / "inputs.conf")
    assert {
        name: (stanza["start_by_shell"], stanza["python.version"], stanza["python.required"])
        for name, stanza in inputs.items()
        if name != inputs.default_section
    } == dict.fromkeys(("strava_webhook", "strava_activities"), ("false", "python3", "3.9, 3.13"))


def test_the_macro_for_the_index_never_searches_them_all(addon: Path) -> None:
    assert _read_conf(addon / "default" / "macros.conf")["strava_index"]["definition"] == "index=strava"


def test_every_bundled_library_comes_with_its_licence(addon: Path) -> None:
    requirements = (environments.ROOT / "package" / "lib" / "requirements.txt").read_text("utf-8")
    shipped = {
        line.replace("==", "-").replace("_", "-").lower()
        for line in requirements.splitlines()
        if line and not line.startswith("#")
    }
    with_licence = {path.parent.name.replace("_", "-").lower() for path in (addon / "LICENSES").glob("*/*")}
    # The SDK has no file of its own: each of its modules names Apache 2.0, whose text is the add-on's licence too.
    assert shipped - with_licence == {"splunk-sdk-2.1.1"}
    assert with_licence <= shipped
    assert (addon / "LICENSES" / "Apache-2.0.txt").read_bytes() == (environments.ROOT / "LICENSE").read_bytes()


def test_every_field_of_the_configuration_pages_is_in_the_spec_of_its_conf(addon: Path) -> None:
    pages = json.loads((environments.ROOT / "globalConfig.json").read_text("utf-8"))["pages"]
    tabs = {tab["name"]: tab["entity"] for tab in pages["configuration"]["tabs"] if "table" in tab}
    assert set(tabs) == {"application", "account"}
    for name, entities in tabs.items():
        spec = (addon / "README" / f"ta_strava_webhook_{name}.conf.spec").read_text("utf-8")
        oauth = [entity for entity in entities if entity["type"] == "oauth"]
        # A help link has a field's name and no value.
        valueless = [*oauth, *(entity for entity in entities if entity["type"] == "helpLink")]
        fields = [entity["field"] for entity in entities if entity not in valueless and entity["field"] != "name"]
        fields += [field["field"] for entity in oauth for field in entity["options"]["oauth"]]
        missing = [field for field in fields if not re.search(rf"^{field} = ", spec, flags=re.MULTILINE)]
        assert missing == [], name


def _read_conf(path: Path) -> configparser.RawConfigParser:
    """Read a conf file strictly: a stanza or a key that stands there twice is an error."""
    parser = configparser.RawConfigParser(
        delimiters="=", comment_prefixes="#", strict=True, empty_lines_in_values=False, default_section="default"
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys of conf files are case-sensitive
    parser.read_string(path.read_text("utf-8"), str(path))
    return parser


def _contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.relative_to(folder).as_posix(): (
            stat.S_IMODE(path.stat().st_mode),
            path.read_bytes() if path.is_file() else b"",
        )
        for path in folder.rglob("*")
        if "__pycache__" not in path.parts  # left by whoever ran it since
    }
