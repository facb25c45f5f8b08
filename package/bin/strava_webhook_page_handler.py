"""The base of every REST handler behind the pages, around UCC's generated ones: whatever goes wrong, the page shows a
sentence.

UCC answers a failure of its own with a traceback, an unknown tab with ``name=…``, and reads only the first of repeated
arguments. What it logs of a failure is nothing.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from splunk import admin
from splunktaucclib.rest_handler.admin_external import AdminExternalHandler
from splunktaucclib.rest_handler.error import RestError

from strava_collector.errors import CollectorError, raised_at
from strava_collector.log import log_to_handler_file
from strava_collector.logfmt import line
from strava_collector.redaction import Redaction
from strava_collector.store.bell import ring
from strava_collector.store.view import exists
from strava_collector.store_folder import of_environment

log = logging.getLogger("strava_collector.page_handler")

#: What enables and disables an input.
_SWITCH = re.compile(r"([01tf]|true|false)\Z", re.IGNORECASE)

#: Characters of a value; more than any field takes.
LONGEST = 4096

#: Where UCC's traceback says that it was raised: the last ``File "…/name.py", line 12``.
_PLACE = re.compile(r'/([\w.]+)", line (\d+)')

#: By status, for what splunkd and UCC say without making a sentence of it.
_SENTENCES = {
    403: "You are not permitted to do this. Ask an administrator of this Splunk for what your role lacks.",
    404: "There is no row of this name. Perhaps it has been deleted meanwhile; reload the page.",
    409: "There is a row of this name already. Choose another name.",
}

_SAYS_MORE = "Splunk's log ta_strava_webhook.rest.log says more."


class PageHandler(AdminExternalHandler):  # type: ignore[misc]  # splunktaucclib is untyped
    """One request of the pages *Configuration* and *Inputs*."""

    def setup(self) -> None:
        """Tell splunkd which arguments are accepted.

        UCC's handlers accept one for listing, ``--cred--``, which gives secrets back in clear. No page needs it.
        """
        if self.requestedAction != admin.ACTION_LIST:
            with sentences():
                super().setup()

    def handleList(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Show one row or all."""
        with sentences():
            self._check_name()
            super().handleList(confInfo)

    def handleCreate(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Save a new row."""
        with sentences():
            self._check_arguments()
            super().handleCreate(confInfo)
            tell_inputs()

    def handleEdit(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Save a row that exists; ``disabled`` alone enables or disables an input."""
        with sentences():
            self._check_name()
            self._check_arguments()
            if "disabled" in self.payload and len(self.payload) > 1:
                raise RestError(400, "An input is either enabled or disabled, or its fields are changed; not both.")
            super().handleEdit(confInfo)
            tell_inputs()

    def handleRemove(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Delete a row."""
        with sentences():
            self._check_name()
            super().handleRemove(confInfo)
            tell_inputs()

    def _check_name(self) -> None:
        """Refuse what no row is called, and what an address means something else by: ``..`` and slashes."""
        name = self.callerArgs.id or ""
        if name in (".", "..", "default") or "/" in name or "\\" in name or not name.isprintable():
            raise RestError(404, "There is no row of this name.")

    def _check_arguments(self) -> None:
        """Refuse what no page sends; to be called before anything quotes what was sent."""
        repeated = sorted(field for field, values in self.callerArgs.data.items() if len(values or ()) > 1)
        if repeated:
            raise RestError(400, f"Each field can be sent once; sent more than once: {', '.join(repeated)}.")
        for field, values in sorted(self.callerArgs.data.items()):
            length = len((values or [""])[0] or "")
            if length > LONGEST:
                raise RestError(400, f"The field {field} has {length} characters, {LONGEST} are the most.")
        if not _SWITCH.match(self.payload.get("disabled", "0")):
            raise RestError(400, "An input is disabled by the value 1 and enabled by the value 0.")


def tell_inputs() -> None:
    """Let the running inputs read the configuration now; they would within a minute."""
    folder = of_environment(os.environ)
    if folder is not None and exists(folder):
        ring(folder)


@contextmanager
def sentences() -> Iterator[None]:
    """Turn whatever is raised into a RestError whose message is a sentence for the user.

    What nobody expected goes to the handlers' log, without what it quotes.
    """
    try:
        yield
    except admin.AdminManagerException:  # splunkd's own way to refuse
        raise
    except CollectorError as error:
        raise RestError(400, str(error)) from None
    except RestError as error:
        raise RestError(error.status, _sentence(error)) from None
    except Exception as error:
        _log(type(error).__name__, raised_at(error))
        raise RestError(500, f"The add-on failed to do this. {_SAYS_MORE}") from None


def _sentence(error: RestError) -> str:
    said = " ".join(str(error.message).split())
    if "Traceback (most recent call last)" in str(error.message):
        places = _PLACE.findall(str(error.message))
        kind = str(error.message).strip().splitlines()[-1].partition(":")[0]
        _log(kind if kind.replace(".", "").isalnum() else "unknown", ":".join(places[-1]) if places else "unknown")
        return f"The add-on failed to do this. {_SAYS_MORE}"
    if error.status != 403 and said[:1].isupper() and said.endswith((".", "?")):
        return said
    # splunkd's and UCC's own words are none.
    return _SENTENCES.get(error.status) or f"{said[:1].upper()}{said[1:].rstrip('.')}."


def _log(kind: str, place: str) -> None:
    log_to_handler_file(Redaction())
    log.error(line("request_failed", error=kind, at=place))
