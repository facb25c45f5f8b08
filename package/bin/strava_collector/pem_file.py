"""Reading the files that users name: bounded, never blocking, and with a reason if it is not to be.

OpenSSL opens whatever it is given: a named pipe would hold it until somebody writes, an endless device for ever.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

MEGABYTE = 1024 * 1024

#: Not every system has them. What has nothing to give is to say so at once: /proc/kmsg calls itself a regular file.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_AT_ONCE = 64 * 1024

#: What ``openssl x509 -trustout`` writes: a certificate with OpenSSL's own notes, which nobody else reads.
_TRUSTED = re.compile(rb"^-----BEGIN TRUSTED CERTIFICATE-----", re.MULTILINE)

_BEGIN = rb"-----BEGIN (?:X509 )?CERTIFICATE-----"
_BEGINNINGS = re.compile(_BEGIN)
#: OpenSSL overlooks a certificate that does not begin at the left margin.
_BEGINNINGS_OF_LINES = re.compile(rb"(?:\A|\n)" + _BEGIN)


class FileFault(Exception):
    """Why a file cannot be used, as the rest of a sentence that began with the file: “does not exist: …”."""


def read_file(name: str, most: int) -> bytes:
    """Return a file's content. Raises FileFault, also if it has more than ``most`` bytes, a number of megabytes."""
    try:
        _require_file(Path(name).stat())  # some devices do something when they are opened
        descriptor = os.open(name, _FLAGS)
        try:
            _require_file(os.fstat(descriptor))  # another one may have got this name
            content = _read(descriptor, most)
        finally:
            os.close(descriptor)
    except PermissionError:
        raise FileFault("cannot be read: give the user that runs Splunk the permission to read it.") from None
    except BlockingIOError:
        raise FileFault("is no file that can be read to its end: give the path of a PEM file.") from None
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last for names that no file can have
        raise FileFault("does not exist: correct the path.") from None
    except OSError as error:
        raise FileFault(f"cannot be read ({error.strerror}): correct the path.") from None
    if len(content) > most:
        raise FileFault(f"is larger than {most // MEGABYTE} MB: give the path of a PEM file.")
    return content


def is_trusted_form(content: bytes) -> bool:
    """Whether the file has certificates in the form of ``openssl x509 -trustout``."""
    return _TRUSTED.search(content) is not None


def has_misplaced_beginning(content: bytes) -> bool:
    """Whether a certificate begins where OpenSSL overlooks it: indented, or with other line ends than usual."""
    return len(_BEGINNINGS.findall(content)) != len(_BEGINNINGS_OF_LINES.findall(content))


def as_cadata(content: bytes) -> str:
    """Return PEM as ``SSLContext.load_verify_locations`` takes it; comments may have signs that are not ASCII."""
    return content.decode("latin-1").encode("ascii", "replace").decode("ascii")


def _require_file(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise FileFault("is a folder: give the path of the file itself.")
    if not stat.S_ISREG(status.st_mode):
        raise FileFault("is not a regular file: give the path of a PEM file.")


def _read(descriptor: int, most: int) -> bytes:
    content = bytearray()
    while len(content) <= most:
        piece = os.read(descriptor, _AT_ONCE)
        if not piece:
            break
        content += piece
    return bytes(content)
