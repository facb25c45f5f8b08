"""A value that must not be seen."""

from __future__ import annotations

import hmac


class Secret:
    """A string that shows itself only to who asks with :meth:`reveal`.

    ``repr``, ``str`` and formatting give stars, so that a secret inside a dataclass, a log line or a traceback
    stays hidden without anybody thinking of it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself. Call it where the value is used, and keep the result in no variable that lives on."""
        return self._value

    def matches(self, candidate: str) -> bool:
        """Compare in a time that tells nothing about where the two differ."""
        return hmac.compare_digest(
            self._value.encode("utf-8", "surrogatepass"), candidate.encode("utf-8", "surrogatepass")
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"
