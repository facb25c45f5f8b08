"""The workflow on GitHub does what ``.ci/run`` does and nothing else, and attaches the package that it built."""

from __future__ import annotations

import re
from pathlib import Path

from tools import interpreters

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").iterdir())
(WORKFLOW,) = WORKFLOWS

#: Those of GitHub's own, each at a commit that nobody can move; the release that it is stands behind it.
_PINNED = re.compile(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def jobs(text: str) -> dict[str, str]:
    """The text of each job, by its name. Read as text: no library of the tests reads YAML."""
    _, below = text.split("\njobs:\n")
    parts = re.split(r"^  (\w+):\n", below, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2]))


def values(job: str, key: str) -> list[str]:
    """What each step of a job has under this key, lines that are folded joined."""
    found = re.findall(rf"^      (?:- |  ){key}: (?:>-\n)?((?:.+)(?:\n {{10}}.+)*)", job, flags=re.MULTILINE)
    return [" ".join(value.split()) for value in found]


def test_the_only_command_of_the_check_is_the_one_of_ci() -> None:
    check = jobs(WORKFLOW.read_text("utf-8"))["check"]
    assert values(check, "run") == ['sudo env "PATH=$PATH" .ci/run']
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_a_release_has_the_package_that_was_checked_and_builds_none() -> None:
    text = WORKFLOW.read_text("utf-8")
    assert list(jobs(text)) == ["check", "release"]
    release = jobs(text)["release"]
    assert "    needs: check\n" in release
    assert "    if: startsWith(github.ref, 'refs/tags/v')\n" in release
    (command,) = values(release, "run")
    assert command.startswith(
        'gh release create "$GITHUB_REF_NAME" "TA_strava_webhook-${GITHUB_REF_NAME#v}.tar.gz" --repo'
    )
    assert [value.partition("@")[0] for value in values(release, "uses")] == ["actions/download-artifact"]


def test_only_the_release_may_write() -> None:
    text = WORKFLOW.read_text("utf-8")
    head, _ = text.split("\njobs:\n")
    assert "\npermissions:\n  contents: read\n" in head
    assert re.findall(r"^ +(\w[\w-]*: write)$", text, flags=re.MULTILINE) == ["contents: write"]
    assert "write" not in jobs(text)["check"]


def test_actions_are_githubs_own_at_a_fixed_commit() -> None:
    used = [value for job in jobs(WORKFLOW.read_text("utf-8")).values() for value in values(job, "uses")]
    assert len(used) == 4
    assert [value for value in used if not _PINNED.fullmatch(value)] == []


def test_both_pythons_inside_splunk_are_there() -> None:
    check = jobs(WORKFLOW.read_text("utf-8"))["check"]
    listed = "".join(f"            {version}\n" for version in interpreters.SERVED)
    assert f"          python-version: |\n{listed}      " in check


def test_it_names_no_host_and_no_folder_of_a_machine() -> None:
    text = WORKFLOW.read_text("utf-8")
    assert "://" not in text
    assert re.findall(r"(?:^|[\s\"'=])(/\w\S*)", text) == []


def test_commands_are_found_wherever_a_step_has_them() -> None:
    job = "      - run: one\n      - uses: a/b@c # v1\n        run: two\n      - run: >-\n          3\n          4\n"
    assert values(job, "run") == ["one", "two", "3 4"]
    assert values(job, "uses") == ["a/b@c # v1"]
