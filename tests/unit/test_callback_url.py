"""A callback URL that cannot work is refused, whatever stands in front of the port."""

from __future__ import annotations

import pytest

from strava_collector.callback_url import callback_url_faults

HOST = "strava.example.org"


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("https://../p", "host “..”"),
        ("https://a..example.org/p", "host “a..example.org”"),
        ("https://-a.example.org/p", "no host name"),
        (f"https://{'a' * 64}.example.org/p", "no host name"),
        ("https://300.1.2.3/p", "no host name and no IP address"),
        ("https://a!.example.org/p", "no host name"),
        (f"https://{HOST}:0/p", "port 0"),
        (f"https://{HOST}//", "needs a path"),
        (f"https://{HOST}/p?", "question mark"),
    ],
)
def test_a_url_that_nobody_can_call_has_one_fault(url: str, word: str) -> None:
    (fault,) = callback_url_faults(url)
    assert word in fault


@pytest.mark.parametrize(
    "host", ["localhost", "a_b.example.org", "example.org.", "192.0.2.1", "[2001:db8::1]", "xn--bcher-kva.example"]
)
def test_any_possible_host_is_taken(host: str) -> None:
    assert callback_url_faults(f"https://{host}/p") == []
