"""Search jobs: what pages and dashboards ask is answered by the interpreter of SPL, at once.

`| rest …` is asked of splunkd in the user's name. A search that the interpreter cannot run becomes a failed job with
its reason, which the dashboard shows in the panel, and is named in `SplunkWeb.unknown`.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from urllib.parse import parse_qs

from sandbox.spl import Index, Row

from .exchange import Answer, Request, as_json, message
from .results import answer_of

#: The index as it is now, and as the user may search it.
Look = Callable[[], Index]

#: Splunk forgets a job after a while; a page asks for few.
_KEPT = 200


@dataclass
class _Job:
    sid: str
    search: str
    rows: list[Row]
    #: The index as the job has seen it, and its range of time: chains are run with them.
    index: Index
    earliest: str
    latest: str
    seconds: float
    fault: str = ""
    #: What chains have shown, by their text.
    chains: dict[str, list[Row]] = field(default_factory=dict)


class SearchJobs:
    """Jobs are done as soon as they are made."""

    def __init__(self, note: Callable[[str], None]) -> None:
        """`note` is told what could not be run."""
        self._note = note
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}

    def answer(self, request: Request, endpoint: tuple[str, ...], look: Look) -> Answer:
        """Answer what came to `search/…`."""
        parts = tuple(part for part in endpoint if part != "v2")[2:]
        if not parts:
            return self._create(request, look) if request.method == "POST" else self._list(request)
        with self._lock:
            job = self._jobs.get(parts[0])
        if job is None:
            return message(404, "Unknown sid.")
        if parts[1:] == ("control",) and request.method == "POST":
            return as_json({"messages": [{"type": "INFO", "text": "Search job cancelled."}]})
        if parts[1:] in (("results",), ("results_preview",)):
            return self._results(job, request)
        return message(404, "Not Found") if parts[1:] else as_json({"entry": [_progress(job)]})

    def _create(self, request: Request, look: Look) -> Answer:
        search = request.field("search").strip()
        search = search[len("search ") :].lstrip() if search.startswith("search ") else search
        index = look()
        earliest, latest = request.field("earliest_time") or "0", request.field("latest_time") or "now"
        begin = time.monotonic()
        job = _Job(str(uuid.uuid4()), search, [], index, earliest, latest, 0.0)
        try:
            with self._lock:  # one search at a time: what an event's fields are is worked out only once
                job.rows = index.search(search, earliest, latest)
        except AssertionError as why:
            job.fault = self._refused(search, why)
        job.seconds = time.monotonic() - begin
        with self._lock:
            self._jobs[job.sid] = job
            while len(self._jobs) > _KEPT:
                del self._jobs[next(iter(self._jobs))]
        return as_json({"sid": job.sid}, 201)

    def _results(self, job: _Job, request: Request) -> Answer:
        if job.fault:
            return as_json({**answer_of([]), "messages": _messages(job)})
        chain = (request.parameter("search") or request.field("search")).strip()
        try:
            with self._lock:
                if chain and chain not in job.chains:
                    job.chains[chain] = job.index.chain(job.rows, chain, job.earliest, job.latest)
                rows = job.chains[chain] if chain else job.rows
        except AssertionError as why:
            return message(400, self._refused(chain, why))
        body = answer_of(
            rows,
            as_columns=(request.parameter("output_mode") or request.field("output_mode")) == "json_cols",
            offset=int(request.parameter("offset") or request.field("offset") or 0),
            count=int(request.parameter("count") or request.field("count") or 0),
            of_chain=bool(chain),
        )
        return as_json(body)

    def _refused(self, search: str, why: AssertionError) -> str:
        self._note(f"search {search}: {why}")
        return f"The stand-in for Splunk Web cannot run this search: {why}"

    def _list(self, request: Request) -> Answer:
        wanted = parse_qs(request.query).get("id", [])
        with self._lock:
            jobs = [self._jobs[sid] for sid in wanted if sid in self._jobs]
        return as_json({"entry": [_progress(job) for job in jobs]})


def _progress(job: _Job) -> dict[str, object]:
    count = len(job.rows)
    return {
        "name": job.search,
        "published": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "acl": {"app": "TA_strava_webhook", "owner": "admin"},
        "content": {
            "sid": job.sid,
            "isDone": True,
            "isFailed": bool(job.fault),
            "isFinalized": False,
            "isRealTimeSearch": False,
            "dispatchState": "FAILED" if job.fault else "DONE",
            "doneProgress": 1,
            "runDuration": round(job.seconds, 3),
            "eventCount": count,
            "resultCount": count,
            "resultPreviewCount": count,
            "ttl": 600,
            "messages": _messages(job),
        },
    }


def _messages(job: _Job) -> list[dict[str, str]]:
    return [{"type": "FATAL", "text": job.fault}] if job.fault else []
