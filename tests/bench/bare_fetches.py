"""Fetches activities and does nothing else: as many threads as the add-on has, each with a ``requests.Session``.

``python -m tests.bench.bare_fetches URL CA_FILE THREADS`` reads a token and ids, in JSON, a line for each round, and
prints for each how many seconds it took. The connections are kept between the rounds.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import requests

_LOCAL = threading.local()


def main(url: str, ca_file: str, threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        for line in sys.stdin:
            token, ids = json.loads(line)
            began = time.perf_counter()
            sizes = list(pool.map(partial(_fetch, url, ca_file, token), ids))
            if 0 in sizes:
                raise RuntimeError("An activity was empty.")
            print(time.perf_counter() - began, flush=True)


def _fetch(url: str, ca_file: str, token: str, number: int) -> int:
    session = getattr(_LOCAL, "session", None)
    if session is None:
        session = _LOCAL.session = requests.Session()
        session.trust_env = False
        session.verify = ca_file
        session.headers.update({"Authorization": f"Bearer {token}", "User-Agent": "bench"})
    answer = session.get(f"{url}/activities/{number}", params={"include_all_efforts": "true"}, timeout=30)
    answer.raise_for_status()
    return len(answer.content)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
