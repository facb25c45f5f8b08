"""Where log lines go: solnlib's log files, one for each input, with secrets masked.

Modules of the collector log to ``logging.getLogger(__name__)`` and know nothing of this.
"""

from __future__ import annotations

import logging
import re
import sys
from logging.handlers import RotatingFileHandler

from solnlib.log import LogException, Logs

from strava_collector.log_file import LogFile
from strava_collector.redaction import RedactingFormatter, Redaction

#: All log files begin so; the field extractions and dashboards look for them.
PREFIX = "ta_strava_webhook"

#: Ours and those of the libraries whose warnings belong into the same file.
_OURS = "strava_collector"
_LIBRARIES = ("urllib3", "requests", "solnlib", "splunklib")


def log_to_input_file(input_name: str, redaction: Redaction) -> logging.Logger:
    """Log to ``$SPLUNK_HOME/var/log/splunk/ta_strava_webhook_<input>.log`` from now on."""
    return _log_to(f"{PREFIX}_{re.sub(r'[^A-Za-z0-9_-]', '_', input_name)}", redaction)


def log_to_handler_file(redaction: Redaction) -> logging.Logger:
    """Log to ``ta_strava_webhook.rest.log``, the file of the REST handlers; no input's name has a dot."""
    return _log_to(f"{PREFIX}.rest", redaction)


def set_level(level: str) -> None:
    """Set the level of the collector's own lines, ``DEBUG`` to ``ERROR``; libraries stay at warnings."""
    logging.getLogger(_OURS).setLevel(level)


def _log_to(name: str, redaction: Redaction) -> logging.Logger:
    logger = logging.getLogger(_OURS)
    try:
        handlers = _in_our_form(Logs().get_logger(name))
    except (OSError, LogException, ImportError):
        # No place for log files: splunkd copies what we write to stderr into splunkd.log.
        fallback = logging.StreamHandler(sys.stderr)
        fallback.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
        handlers = [fallback]
    for handler in handlers:
        formatter = handler.formatter or logging.Formatter()
        if isinstance(formatter, RedactingFormatter):  # a REST handler's process sets this up for each request
            formatter = formatter.inner
        handler.setFormatter(RedactingFormatter(formatter, redaction))
    for each in (_OURS, *_LIBRARIES):
        target = logging.getLogger(each)
        target.handlers = list(handlers)
        target.setLevel(logging.INFO if each == _OURS else logging.WARNING)
        # Not to the root logger: its last resort is stderr, where nothing would be masked.
        target.propagate = False
    return logger


def _in_our_form(logger: logging.Logger) -> list[logging.Handler]:
    """Return the logger's handlers, those of solnlib's replaced by ours: the same file, limits and form of a line."""
    for handler in list(logger.handlers):
        if isinstance(handler, RotatingFileHandler) and not isinstance(handler, LogFile):
            logger.removeHandler(handler)
            handler.close()
            ours = LogFile(handler.baseFilename, max_bytes=handler.maxBytes, backup_count=handler.backupCount)
            ours.setFormatter(handler.formatter)
            logger.addHandler(ours)
    return list(logger.handlers)
