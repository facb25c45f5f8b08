"""Search jobs, as far as the generated pages make some: each asks one REST address, `| rest …`.

The footer of each page finds out with `| rest services/apps/local/<app> | fields build` when the add-on was built.
There is no search language here; any other search is refused.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

from .exchange import Answer, Request, message

_REST = re.compile(r"\|\s*rest\s+/?(services/[\w/.-]+)(?:\s+splunk_server=local)?(?:\s*\|\s*fields\s+([\w:.,\s]+))?\s*")

#: Asks splunkd for an address, in the user's name.
Ask = Callable[[str], Answer]


class UnknownSearch(Exception):
    """The stand-in cannot run this search."""


@dataclass(frozen=True)
class _Job:
    sid: str
    rows: list[dict[str, str]]


class SearchJobs:
    """Jobs are done as soon as they are made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}

    def answer(self, request: Request, endpoint: tuple[str, ...], ask: Ask) -> Answer:
        """Answer what came to `search/…`.

        Raises:
            UnknownSearch: the text of the search, which cannot be run here.
        """
        parts = tuple(part for part in endpoint if part != "v2")[2:]
        if not parts:
            return self._create(request, ask) if request.method == "POST" else self._list(request)
        job = self._jobs.get(parts[0])
        if job is None:
            return message(404, "Unknown sid.")
        if parts[1:] == ("control",) and request.method == "POST":
            return _json(200, {"messages": [{"type": "INFO", "text": "Search job cancelled."}]})
        if parts[1:] in (("results",), ("results_preview",)):
            fields = sorted({name for row in job.rows for name in row})
            return _json(
                200,
                {
                    "preview": False,
                    "init_offset": 0,
                    "messages": [],
                    "fields": [{"name": name} for name in fields],
                    "results": job.rows,
                },
            )
        return message(404, "Not Found") if parts[1:] else _json(200, {"entry": [_progress(job)]})

    def _create(self, request: Request, ask: Ask) -> Answer:
        search = request.field("search")
        found = _REST.fullmatch(search.strip())
        if found is None:
            raise UnknownSearch(search)
        answer = ask(f"/{found[1]}?output_mode=json&count=0")
        if answer.status != 200:
            return message(400, f"The search could not read {found[1]}: status {answer.status}.")
        wanted = (found[2] or "").replace(",", " ").split()
        rows = [
            {
                name: str(value)
                for name, value in {**entry["content"], "title": entry["name"]}.items()
                if not wanted or name in wanted
            }
            for entry in json.loads(answer.body)["entry"]
        ]
        job = _Job(str(uuid.uuid4()), rows)
        with self._lock:
            self._jobs[job.sid] = job
        return _json(201, {"sid": job.sid})

    def _list(self, request: Request) -> Answer:
        wanted = parse_qs(request.query).get("id", [])
        with self._lock:
            jobs = [self._jobs[sid] for sid in wanted if sid in self._jobs]
        return _json(200, {"entry": [_progress(job) for job in jobs]})


def _progress(job: _Job) -> dict[str, object]:
    count = len(job.rows)
    return {
        "name": job.sid,
        "content": {
            "sid": job.sid,
            "isDone": True,
            "isFailed": False,
            "isFinalized": False,
            "dispatchState": "DONE",
            "doneProgress": 1,
            "eventCount": count,
            "resultCount": count,
            "resultPreviewCount": count,
            "ttl": 600,
            "messages": [],
        },
    }


def _json(status: int, value: object) -> Answer:
    return Answer(status, json.dumps(value).encode(), "application/json; charset=utf-8", {"Cache-Control": "no-store"})
