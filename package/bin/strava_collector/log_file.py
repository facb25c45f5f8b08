"""A log file that rotates, and takes lines that belong together in one write.

Like ``logging.handlers.RotatingFileHandler`` in all else: that one formats each line twice and makes five system calls
for it, and after each call the thread has to ask for the interpreter again (docs/decisions/0013-lines-together.md).
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler

#: The attribute of a record that another one follows at once, for which it may wait.
_MORE_FOLLOW = "more_follow"
_WAITS = {_MORE_FOLLOW: True}

#: So many lines are written at once, at most.
MOST_TOGETHER = 200


def info_together(logger: logging.Logger, lines: Sequence[str]) -> None:
    """Log several lines that come at once; they name who called this as their place in the code."""
    for line in lines[:-1]:
        logger.info(line, extra=_WAITS, stacklevel=2)
    for line in lines[-1:]:
        logger.info(line, stacklevel=2)


class LogFile(RotatingFileHandler):
    """A handler for ``logging``; the lines of :func:`info_together` reach the file together."""

    def __init__(self, filename: str, *, max_bytes: int, backup_count: int) -> None:
        # Whatever the locale is: a character that it lacks would cost all lines that are written with it.
        super().__init__(
            filename, maxBytes=max_bytes, backupCount=backup_count, encoding="utf-8", errors="backslashreplace"
        )
        self._lines: list[str] = []
        #: It has been said that lines are lost.
        self._complained = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, and what waited for it, or let it wait for the next; never raises."""
        try:
            self._lines.append(self.format(record) + self.terminator)
            if not hasattr(record, _MORE_FOLLOW) or len(self._lines) >= MOST_TOGETHER:
                self._write()
                self._complained = False
        except Exception as error:
            self._complain(error)

    def flush(self) -> None:
        """Write what still waits."""
        if self._lines:
            self._write()
        super().flush()

    def _complain(self, error: Exception) -> None:
        """Say once on stderr, which splunkd keeps in splunkd.log, that lines are lost.

        ``Handler.handleError`` would write thirty lines there for each one that is lost, and in them what it said and
        the errors before it, with nothing masked.
        """
        if self._complained:
            return
        self._complained = True
        why = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        with contextlib.suppress(OSError, ValueError, AttributeError):  # it may be closed, or there may be none
            sys.stderr.write(f"ERROR {self.baseFilename} cannot be written ({why}): its lines are lost until it can.\n")
            sys.stderr.flush()

    def _write(self) -> None:
        text = "".join(self._lines)
        self._lines.clear()  # before anything fails: a full disk must not become full memory
        if not self.stream:  # a rollover has failed half-way
            self.stream = self._open()
        # Other processes may write to the same file.
        self.stream.seek(0, 2)
        if 0 < self.maxBytes <= self.stream.tell() + len(text):
            self.doRollover()
        self.stream.write(text)
        self.stream.flush()
