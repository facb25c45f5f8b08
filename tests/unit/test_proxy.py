"""The proxy's URL is taken apart, and never shown."""

from __future__ import annotations

import base64

import pytest

from strava_collector.errors import ConfigurationError
from strava_collector.proxy import parse_proxy
from strava_collector.secret import Secret


def test_host_port_and_percent_encoded_credentials() -> None:
    proxy = parse_proxy(Secret("http://j%C3%BCrgen:p%40ss%3A%2F@proxy.example.com:3128"))
    assert (proxy.scheme, proxy.place, proxy.url) == (
        "http",
        "proxy.example.com:3128",
        "http://proxy.example.com:3128",
    )
    assert (proxy.user, proxy.password) == ("jürgen", Secret("p@ss:/"))
    sent = proxy.headers()["Proxy-Authorization"]
    assert base64.b64decode(sent.split()[1]).decode() == "jürgen:p@ss:/"
    assert "p@ss" not in repr(proxy)


def test_without_credentials_no_header_is_sent() -> None:
    assert parse_proxy(Secret("http://proxy:3128")).headers() == {}


def test_an_ipv6_address_keeps_its_brackets_in_the_url() -> None:
    assert parse_proxy(Secret("socks5://[::1]:1080")).url == "socks5://[::1]:1080"


@pytest.mark.parametrize(
    "url",
    [
        "https://u:marked@proxy:1",
        "ftp://u:marked@proxy:1",
        "u:marked@proxy:1",
        "http://u:marked@proxy",
        "http://u:marked@:3128",
        "http://u:marked@proxy:99999",
        "http://u:x@proxy:marked",
        "http://u:%ffmarked@proxy:1",
        "http://[marked:1",
        "",
    ],
)
def test_what_is_no_proxy_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_proxy(Secret(url))
    assert "Configuration → Proxy" in str(caught.value)
    assert "marked" not in str(caught.value)
    assert caught.value.__context__ is None
