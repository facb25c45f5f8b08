"""A transport that answers from a script and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Optional, Union

import pytest

from strava_collector.errors import TransportError
from strava_collector.secret import Secret
from strava_collector.transport import Answer, Request


def answer(
    content: object = None, status: int = 200, headers: Optional[Mapping[str, str]] = None, *, at: float = 0.0
) -> Answer:
    """An answer; ``content`` is sent as JSON unless it is bytes."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Answer(status, headers or {}, body, at)


def refusal(resource: str, field: str, code: str, status: int) -> Answer:
    """An error in Strava's form."""
    fault = {"resource": resource, "field": field, "code": code}
    return answer({"message": "Bad Request", "errors": [fault]}, status)


def revealed(values: Mapping[str, Union[str, Secret]]) -> dict[str, str]:
    """Headers, query or form in the clear, for comparisons."""
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in values.items()}


class ScriptedTransport:
    """Gives the scripted answers in their order; complains about a call that no answer was scripted for."""

    def __init__(self, *script: Union[Answer, TransportError]) -> None:
        self._script = list(script)
        self.requests: list[Request] = []
        self._activity: Optional[Callable[[int], Answer]] = None
        #: The answer with tokens when the script is at its end, by how many calls there were.
        self.renew: Optional[Callable[[int], Answer]] = None
        #: What happens during a call, by its number from 1.
        self.before: dict[int, Callable[[], None]] = {}

    def add(self, *script: Union[Answer, TransportError]) -> None:
        """Go on with these answers."""
        self._script += script

    def clear(self) -> None:
        """Forget the answers that nobody has asked for."""
        self._script.clear()

    def answer_with(self, activity: Callable[[int], Answer]) -> None:
        """When the script is at its end, give this answer to the question for an activity."""
        self._activity = activity

    def send(self, request: Request) -> Answer:
        self.requests.append(request)
        self.before.pop(len(self.requests), lambda: None)()
        if not self._script and self._activity is not None and "/activities/" in request.url:
            return self._activity(int(request.url.rpartition("/")[2]))
        if not self._script and self.renew is not None and request.url.endswith("/oauth/token"):
            return self.renew(len(self.requests))
        if not self._script:
            # Not an AssertionError, which code under test might take for one of its own failures.
            pytest.fail(f"nobody expected {request}")
        step = self._script.pop(0)
        if isinstance(step, TransportError):
            raise step
        return step
