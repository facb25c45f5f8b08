"""The C compiler that makes the load generator of ``make bench``."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from tools.debian import Program

HOW_TO_GET_IT = (
    "there is no C compiler with OpenSSL's headers on this host, which the load generator is made with (Debian: "
    "apt-get install gcc libc6-dev libssl-dev; or name another compiler's path in the variable CC)"
)

_COMPILER = Program(
    title="C compiler", names=("cc", "gcc", "clang"), variable="CC", packages=("gcc", "libc6-dev", "libssl-dev")
)
#: Where Debian and others have it.
_HEADER = Path("/usr/include/openssl/ssl.h")


def find() -> Optional[Path]:
    """Return the compiler, or None if it or the headers are missing."""
    return _COMPILER.find() if _HEADER.is_file() else None


def ready(*, install: bool = False) -> Optional[Path]:
    """Return the compiler; install it first where that may be done."""
    if find() is None:
        _COMPILER.ready(install=install, incomplete=True)
    return find()
