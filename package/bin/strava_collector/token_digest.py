"""A digest by which a changed secret is noticed, and from which nobody learns the secret.

Slow on purpose and salted: a verify token may be a word that somebody made up, and the store is a file.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from strava_collector.secret import Secret

#: Some 50 ms of one core; needed once a start and once a change.
_ROUNDS = 100_000
_SALT_BYTES = 16


def digest(secret: Secret) -> str:
    """Return a new digest, another one each time: rounds, salt and hash in one text."""
    return _digest(secret, _ROUNDS, os.urandom(_SALT_BYTES))


def is_digest_of(text: str, secret: Secret) -> bool:
    """Whether the digest was made of this secret; False for a text that is no digest."""
    rounds, _, rest = text.partition("$")
    try:
        salt = bytes.fromhex(rest.partition("$")[0])
        return hmac.compare_digest(_digest(secret, int(rounds), salt), text)
    except (ValueError, OverflowError, TypeError):
        return False


def _digest(secret: Secret, rounds: int, salt: bytes) -> str:
    value = secret.reveal().encode("utf-8", "surrogatepass")
    return f"{rounds}${salt.hex()}${hashlib.pbkdf2_hmac('sha256', value, salt, rounds).hex()}"
