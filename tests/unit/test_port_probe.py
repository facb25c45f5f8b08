"""Whether a port could be had is found out without having it."""

from __future__ import annotations

import errno
import socket
from contextlib import closing

import pytest

from strava_collector.port_probe import bind_error


def test_a_port_can_be_tried_without_keeping_it() -> None:
    with closing(socket.socket(socket.AF_INET6 if socket.has_ipv6 else socket.AF_INET)) as program:
        program.bind(("", 0))
        port = program.getsockname()[1]
        program.listen()
        error = bind_error(port)
    assert error is not None
    assert error.errno == errno.EADDRINUSE
    assert bind_error(port) is None
    assert bind_error(port) is None


def test_a_port_that_was_used_a_moment_ago_can_be_had() -> None:
    """Its last connections are kept by the system for a while (TIME_WAIT), which does not stop a listener."""
    with closing(socket.socket()) as server, closing(socket.socket()) as client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        client.connect(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()  # who closes first keeps it
        assert client.recv(1) == b""
    assert bind_error(port) is None


@pytest.mark.skipif(not socket.has_ipv6, reason="needs both families")
def test_a_program_that_has_the_port_for_ipv4_alone_is_noticed() -> None:
    with closing(socket.socket(socket.AF_INET)) as program:
        program.bind(("127.0.0.1", 0))
        program.listen()
        error = bind_error(program.getsockname()[1])
    assert error is not None
    assert error.errno == errno.EADDRINUSE


def test_for_a_proxy_on_this_host_only_its_own_addresses_are_tried() -> None:
    with closing(socket.socket(socket.AF_INET)) as program:
        try:
            program.bind(("127.0.0.2", 0))
        except OSError:
            pytest.skip("on this host 127.0.0.1 is the only address of its kind")  # as on macOS
        program.listen()
        port = program.getsockname()[1]
        assert bind_error(port, loopback=True) is None
        assert bind_error(port) is not None
    with closing(socket.socket(socket.AF_INET)) as program:
        program.bind(("127.0.0.1", 0))
        program.listen()
        error = bind_error(program.getsockname()[1], loopback=True)
    assert error is not None
    assert error.errno == errno.EADDRINUSE


@pytest.mark.skipif(not socket.has_ipv6, reason="needs both families")
def test_for_a_proxy_on_this_host_both_families_are_tried() -> None:
    with closing(socket.socket(socket.AF_INET6)) as program:
        program.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            program.bind(("::1", 0))
        except OSError:
            pytest.skip("this host has no address ::1")
        program.listen()
        error = bind_error(program.getsockname()[1], loopback=True)
    assert error is not None
    assert error.errno == errno.EADDRINUSE


@pytest.mark.parametrize("loopback", [False, True])
@pytest.mark.parametrize("how", ["not built in", "switched off"])
def test_a_host_without_ipv6_has_its_ports_all_the_same(
    how: str, loopback: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = socket.socket

    def without_ipv6(family: int, *rest: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return made(family, *rest)

    with closing(made(socket.AF_INET)) as program:
        program.bind(("127.0.0.1", 0))
        program.listen()
        port = program.getsockname()[1]
        if how == "not built in":
            monkeypatch.setattr(socket, "has_ipv6", False)
        else:
            monkeypatch.setattr(socket, "socket", without_ipv6)
        taken = bind_error(port, loopback=loopback)
    assert taken is not None
    assert taken.errno == errno.EADDRINUSE
    assert bind_error(port, loopback=loopback) is None
