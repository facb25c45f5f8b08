"""The sandbox's splunkd runs a toy app: real processes, real TLS, real files."""

from __future__ import annotations

import os
import signal
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from solnlib.conf_manager import ConfManager, ConfManagerException
from solnlib.credentials import CredentialManager, CredentialNotExistException
from splunklib import client

from sandbox.splunkd import Event, Splunkd
from tests.support.waiting import until

TOY = Path(__file__).parent.parent / "support" / "toy_app"
SECONDS = 60.0


@pytest.fixture
def splunkd(tmp_path: Path) -> Iterator[Splunkd]:
    # Other tests may have left a helper process of Python's own, for instance multiprocessing's resource tracker.
    before = set(psutil.Process().children(recursive=True))
    with Splunkd(app=TOY, home=tmp_path, python=Path(sys.executable), grace=1.0) as running:
        yield running
    assert set(psutil.Process().children(recursive=True)) <= before


def create(splunkd: Splunkd, behaviour: str, **settings: str) -> tuple[int, dict[str, Any]]:
    """Make the input `toy://one`, which starts it."""
    return splunkd.request("POST", splunkd.path("data/inputs/toy"), {"name": "one", "behaviour": behaviour, **settings})


def wait_for_events(splunkd: Splunkd, count: int) -> list[Event]:
    assert splunkd.index.wait_for(lambda events: len(events) >= count, SECONDS)
    return splunkd.index.events()


def wait_for_end(splunkd: Splunkd, starts: int = 1) -> None:
    """Wait until the input has been started so often and runs no more."""
    assert splunkd.inputs.wait_for(
        "one", lambda inputs: inputs.count("one").starts >= starts and not inputs.running("one"), SECONDS
    )


def kinds(splunkd: Splunkd) -> list[str]:
    return [fault.kind for fault in splunkd.errors]


def text_of(answer: dict[str, Any]) -> str:
    return str(answer["messages"][0]["text"])


def test_an_outage_refuses_everything_for_a_while_and_counts(splunkd: Splunkd) -> None:
    with splunkd.outage(503):
        status, _ = splunkd.request("GET", "/services/data/modular-inputs")
        assert status == 503
    status, _ = splunkd.request("GET", "/services/data/modular-inputs")
    assert (status, splunkd.refused) == (200, 1)


# --- what an input is told, and what it says


def test_an_input_says_what_it_takes_before_it_runs(splunkd: Splunkd) -> None:
    status, answer = splunkd.request("GET", "/services/data/modular-inputs")
    assert status == 200
    assert answer["entry"][0]["content"]["title"] == "Toy"
    assert sorted(answer["entry"][0]["content"]["endpoint"]["args"]) == ["behaviour", "name"]


def test_a_scheme_that_fails_disables_the_input(tmp_path: Path) -> None:
    app = tmp_path / "toy_app"
    for path in TOY.rglob("*.*"):
        (app / path.relative_to(TOY)).parent.mkdir(parents=True, exist_ok=True)
        (app / path.relative_to(TOY)).write_bytes(path.read_bytes())
    (app / "bin" / "toy.py").write_text("import nonsense", encoding="utf-8")
    with Splunkd(app=app, home=tmp_path / "home", python=Path(sys.executable)) as splunkd:
        assert kinds(splunkd) == ["scheme"]
        status, _ = create(splunkd, "stay")
        assert status == 404
        assert any("No module named 'nonsense'" in line for line in splunkd.log_lines())


def test_an_input_runs_with_splunkds_environment_and_writes_events(splunkd: Splunkd) -> None:
    status, _ = create(splunkd, "stay")
    assert status == 201
    (event,) = wait_for_events(splunkd, 1)
    assert (event.index, event.sourcetype, event.source) == ("rides", "toy", "toy://one")
    assert event.json["pid"] == splunkd.inputs.pid("one")
    checkpoints = splunkd.home / "var/lib/splunk/modinputs/toy"
    assert checkpoints.is_dir()
    splunkd.inputs.stop("one")
    assert any(f"checkpoint_dir={checkpoints} path=None" in line for line in splunkd.log_lines())
    assert splunkd.errors == []


def test_a_refused_validation_is_answered_with_the_scripts_own_words(splunkd: Splunkd) -> None:
    status, answer = create(splunkd, "refused")
    assert (status, text_of(answer)) == (400, "Two faults: this and that.")
    assert splunkd.request("GET", splunkd.path("data/inputs/toy"))[1]["entry"] == []
    assert not splunkd.inputs.running("one")


def test_a_validation_that_breaks_is_answered_with_its_exit_code(splunkd: Splunkd) -> None:
    status, answer = create(splunkd, "crash")
    assert status == 400
    assert text_of(answer) == "Argument validation for scheme=toy: script running failed (exited with code 1)."


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({"name": "one"}, 400),
        ({"behaviour": "stay"}, 400),
        ({"name": "one", "behaviour": "stay", "colour": "red"}, 400),
        ({"name": "one", "behaviour": "stay", "interval": "often"}, 400),
        ({"name": "one", "behaviour": "stay", "interval": "-2"}, 400),
    ],
)
def test_arguments_that_splunkd_would_refuse_are_refused(
    splunkd: Splunkd, arguments: dict[str, str], status: int
) -> None:
    assert splunkd.request("POST", splunkd.path("data/inputs/toy"), arguments)[0] == status


# --- start, stop, start again


def test_disabling_stops_the_input_and_enabling_starts_it(splunkd: Splunkd) -> None:
    create(splunkd, "stay")
    wait_for_events(splunkd, 1)
    assert splunkd.request("POST", splunkd.path("data/inputs/toy/one/disable"))[0] == 200
    assert not splunkd.inputs.running("one")
    assert splunkd.request("POST", splunkd.path("data/inputs/toy/one/enable"))[0] == 200
    wait_for_events(splunkd, 2)
    assert splunkd.inputs.count("one").starts == 2
    assert splunkd.errors == []


def test_an_edit_starts_the_input_again_with_the_new_settings(splunkd: Splunkd) -> None:
    create(splunkd, "stay")
    (first,) = wait_for_events(splunkd, 1)
    assert splunkd.request("POST", splunkd.path("data/inputs/toy/one"), {"index": "main"})[0] == 200
    second = wait_for_events(splunkd, 2)[1]
    assert second.index == "main"
    assert second.json["pid"] != first.json["pid"]


def test_a_removed_input_is_stopped(splunkd: Splunkd) -> None:
    create(splunkd, "stay")
    wait_for_events(splunkd, 1)
    assert splunkd.request("DELETE", splunkd.path("data/inputs/toy/one"))[0] == 200
    assert not splunkd.inputs.running("one")
    assert splunkd.request("GET", splunkd.path("data/inputs/toy/one"))[0] == 404


def test_interval_0_starts_it_again_at_once(splunkd: Splunkd) -> None:
    create(splunkd, "exit", interval="0")
    assert splunkd.inputs.wait_for("one", lambda inputs: inputs.count("one").starts >= 3, SECONDS)


def test_an_interval_of_seconds_starts_it_again_after_the_pause(splunkd: Splunkd) -> None:
    create(splunkd, "exit", interval="0.2")
    wait_for_events(splunkd, 2)
    first, second = splunkd.index.events()[:2]
    assert second.indexed_at - first.indexed_at >= 0.2


def test_during_the_interval_it_does_not_run_until_told_to(splunkd: Splunkd) -> None:
    create(splunkd, "exit", interval="3600")
    wait_for_end(splunkd)
    assert splunkd.inputs.wait_for("one", lambda inputs: inputs.next_start("one") is not None, SECONDS)
    splunkd.inputs.start("one")
    wait_for_events(splunkd, 2)


def test_interval_minus_1_runs_it_once(splunkd: Splunkd) -> None:
    create(splunkd, "exit", interval="-1")
    wait_for_end(splunkd)
    assert splunkd.inputs.next_start("one") is None
    assert splunkd.inputs.count("one").starts == 1


def test_an_enabled_input_starts_with_splunkd(tmp_path: Path) -> None:
    for _ in range(2):
        with Splunkd(app=TOY, home=tmp_path, python=Path(sys.executable)) as splunkd:
            if not splunkd.inputs.stanzas():
                create(splunkd, "stay")
            wait_for_events(splunkd, 1)


def test_one_that_does_not_heed_sigterm_is_killed_after_the_grace_period(splunkd: Splunkd) -> None:
    create(splunkd, "deaf")
    wait_for_events(splunkd, 1)
    splunkd.inputs.stop("one")
    count = splunkd.inputs.count("one")
    assert (count.forced, count.kills) == (1, 1)
    assert splunkd.errors == []


def test_an_input_behind_a_shell_is_stopped_too(splunkd: Splunkd) -> None:
    create(splunkd, "stay", start_by_shell="true")
    wait_for_events(splunkd, 1)
    splunkd.inputs.stop("one")
    assert splunkd.errors == []


# --- killed, full, broken


def test_an_event_cut_off_by_a_kill_is_dropped_and_counted(splunkd: Splunkd) -> None:
    create(splunkd, "half")
    wait_for_events(splunkd, 1)
    splunkd.inputs.kill("one")
    wait_for_end(splunkd)
    assert splunkd.inputs.count("one").kills == 1
    assert len(splunkd.index.events()) == 1
    assert splunkd.errors == []


def test_a_kill_by_somebody_else_counts_as_well(splunkd: Splunkd) -> None:
    create(splunkd, "half")
    wait_for_events(splunkd, 1)
    pid = splunkd.inputs.pid("one")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for_end(splunkd)
    assert splunkd.inputs.count("one").kills == 1
    assert splunkd.errors == []


def test_an_event_that_the_process_itself_leaves_unfinished_is_an_error(splunkd: Splunkd) -> None:
    create(splunkd, "give_up")
    wait_for_end(splunkd)
    assert kinds(splunkd) == ["cut-off"]


def test_what_was_not_read_for_a_while_is_there_afterwards(splunkd: Splunkd) -> None:
    create(splunkd, "flood", disabled="1")
    splunkd.inputs.pause_reading("one")
    splunkd.inputs.start("one")
    assert splunkd.inputs.running("one")
    assert splunkd.index.events() == []
    splunkd.inputs.resume_reading("one")
    wait_for_events(splunkd, 100)
    splunkd.inputs.stop("one")
    assert splunkd.inputs.count("one").forced == 0
    assert splunkd.errors == []


def test_an_input_that_blocks_on_a_full_pipe_is_killed_and_loses_what_did_not_fit(splunkd: Splunkd) -> None:
    create(splunkd, "flood", disabled="1")
    splunkd.inputs.pause_reading("one")
    splunkd.inputs.start("one")

    def full() -> bool:
        """Whether something waits to be read, so that the input is past its start."""
        return splunkd.inputs.unread("one") > 32_768

    until(full)
    splunkd.inputs.stop("one")
    count = splunkd.inputs.count("one")
    assert (count.forced, count.cut_off) == (1, 1)
    assert 0 < len(splunkd.index.events()) < 100
    assert splunkd.errors == []


# --- sessions


def test_an_expired_session_key_gets_401_and_a_new_run_gets_a_new_one(splunkd: Splunkd) -> None:
    old = splunkd.session_key
    create(splunkd, "ask")
    wait_for_events(splunkd, 1)
    splunkd.expire_session()
    last = wait_for_events(splunkd, 2)[1]
    assert last.json["number"] == 401
    assert splunkd.request("GET", "/services/messages", session_key=old)[0] == 401
    assert splunkd.request("GET", "/services/messages")[0] == 200
    wait_for_end(splunkd)
    splunkd.inputs.start("one")
    wait_for_events(splunkd, 3)
    assert splunkd.inputs.running("one")


def test_a_log_in_gives_a_key_and_a_wrong_password_does_not(splunkd: Splunkd) -> None:
    right = {"username": "admin", "password": splunkd.sessions.password}
    status, answer = splunkd.request("POST", "/services/auth/login", right, session_key="none")
    assert status == 200
    assert splunkd.request("GET", "/services/messages", session_key=answer["sessionKey"])[0] == 200
    wrong = {"username": "admin", "password": "guess"}
    assert splunkd.request("POST", "/services/auth/login", wrong, session_key="none")[0] == 401


def test_anybody_may_ask_who_the_server_is(splunkd: Splunkd) -> None:
    status, answer = splunkd.request("GET", "/services/server/info", session_key="none")
    assert status == 200
    assert answer["entry"][0]["content"]["version"]


# --- handlers


def test_a_handler_gets_the_arguments_and_the_callers_session(splunkd: Splunkd) -> None:
    status, answer = splunkd.request("POST", splunkd.path("toy_echo"), {"name": "a/b", "text": "Zürich"})
    assert status == 201
    entry = answer["entry"][0]
    assert entry["name"] == "a/b"
    assert entry["content"]["text"] == "Zürich"
    assert entry["content"]["session_key"] == splunkd.session_key
    assert "%252F" in entry["links"]["edit"]


def test_a_handlers_process_is_kept_and_used_again(splunkd: Splunkd) -> None:
    pids = {splunkd.request("GET", splunkd.path("toy_echo"))[1]["entry"][0]["content"]["pid"] for _ in range(3)}
    assert len(pids) == 1


def test_handlers_answer_many_callers_at_once(splunkd: Splunkd) -> None:
    statuses: list[int] = []
    callers = [
        threading.Thread(target=lambda: statuses.append(splunkd.request("GET", splunkd.path("toy_echo"))[0]))
        for _ in range(4)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert statuses == [200] * 4


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        ({"fail": "known"}, 404, "There is no such thing."),
        (
            {"fail": "unknown"},
            500,
            'Unexpected error "<class \'ValueError\'>" from python handler: "It broke.". '
            "See splunkd.log/python.log for more details.",
        ),
        ({"fail": "die"}, 500, "The handler toy_rh_echo.py ended without an answer: no output"),
        ({"colour": "red"}, 400, 'Argument "colour" is not supported by this handler.'),
    ],
)
def test_a_handler_that_fails_is_answered_as_splunk_web_expects(
    splunkd: Splunkd, arguments: dict[str, str], status: int, text: str
) -> None:
    found = splunkd.request("POST", splunkd.path("toy_echo", "x"), arguments)
    assert (found[0], text_of(found[1])) == (status, text)
    assert splunkd.request("GET", splunkd.path("toy_echo"))[0] == 200


def test_a_missing_argument_is_named(splunkd: Splunkd) -> None:
    status, answer = splunkd.request("POST", splunkd.path("toy_echo"), {"name": "x"})
    assert (status, text_of(answer)) == (400, "The following required arguments are missing: text.")


def test_an_action_that_restmap_does_not_list_is_not_allowed(splunkd: Splunkd) -> None:
    assert splunkd.request("DELETE", splunkd.path("toy_echo", "x"))[0] == 405


def test_an_address_that_nothing_answers_is_not_found(splunkd: Splunkd) -> None:
    assert splunkd.request("GET", splunkd.path("toy_nothing"))[0] == 404
    assert splunkd.request("GET", "/nothing/here")[0] == 404


# --- what the open-source packages ask for


def address(splunkd: Splunkd) -> dict[str, Any]:
    return {"scheme": "https", "host": "127.0.0.1", "port": int(splunkd.uri.rpartition(":")[2])}


def test_solnlib_stores_a_long_secret_and_finds_it_again(splunkd: Splunkd) -> None:
    credentials = CredentialManager(
        splunkd.session_key, splunkd.app, realm="__REST_CREDENTIAL__#toy#data/inputs/toy", **address(splunkd)
    )
    for secret in ("x" * 600, "y" * 300):
        credentials.set_password("me", secret)
    assert credentials.get_password("me").startswith("y" * 300)
    credentials.delete_password("me")
    with pytest.raises(CredentialNotExistException):
        credentials.get_password("me")


def test_solnlib_reads_and_writes_conf_files(splunkd: Splunkd) -> None:
    confs = ConfManager(splunkd.session_key, splunkd.app, **address(splunkd))
    with pytest.raises(ConfManagerException):
        confs.get_conf("toy_settings")
    assert splunkd.request("POST", splunkd.path("configs/conf-toy_settings"), {"name": "a/b", "x": "1"})[0] == 201
    conf = confs.get_conf("toy_settings", refresh=True)
    conf.update("a/b", {"x": "2", "secret": "hidden"}, ["secret"])
    assert {name: conf.get("a/b")[name] for name in ("x", "secret")} == {"x": "2", "secret": "hidden"}
    assert "hidden" not in "".join(path.read_text(encoding="utf-8") for path in (splunkd.home / "etc").rglob("*.conf"))
    conf.delete("a/b")
    assert not conf.stanza_exist("a/b")


def test_splunklib_posts_and_removes_a_message(splunkd: Splunkd) -> None:
    service = client.Service(token=splunkd.session_key, owner="nobody", app=splunkd.app, **address(splunkd))
    service.messages.create("port_in_use", value="Another process has the port.", severity="error")
    assert [(message.name, message.severity) for message in splunkd.messages] == [("port_in_use", "error")]
    assert service.messages["port_in_use"].value == "Another process has the port."
    service.messages.delete("port_in_use")
    assert splunkd.messages == []


def test_splunklib_lists_indexes_and_inputs(splunkd: Splunkd) -> None:
    service = client.Service(token=splunkd.session_key, owner="nobody", app=splunkd.app, **address(splunkd))
    splunkd.create_index("hikes")
    assert {"hikes", "main", "rides"} <= {index.name for index in service.indexes}
    create(splunkd, "stay")
    (one,) = service.inputs.list("toy")
    assert one.content["behaviour"] == "stay"


def test_the_tarball_is_as_good_as_the_folder(tmp_path: Path) -> None:
    tarball = tmp_path / "toy_app-1.0.0.tar.gz"
    with tarfile.open(tarball, "w:gz") as archive:
        archive.add(TOY, arcname="toy_app", filter=lambda one: None if "__pycache__" in one.name else one)
    with Splunkd(app=tarball, home=tmp_path / "home", python=Path(sys.executable)) as splunkd:
        assert splunkd.app == "toy_app"
        assert create(splunkd, "exit")[0] == 201
        wait_for_events(splunkd, 1)


def test_no_secret_is_in_splunkds_log(splunkd: Splunkd) -> None:
    splunkd.request("POST", splunkd.path("toy_echo"), {"name": "x", "text": "marked-secret"})
    splunkd.request("POST", splunkd.path("storage/passwords"), {"name": "x", "password": "marked-secret"})

    def printed() -> bool:
        """Whether the handler's line has reached splunkd.log."""
        return any("PersistentScript" in line and "a stray line" in line for line in splunkd.log_lines())

    until(printed)
    lines = "\n".join(splunkd.log_lines())
    assert "marked-secret" not in lines
    assert splunkd.session_key not in lines
