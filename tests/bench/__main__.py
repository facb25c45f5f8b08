"""``make bench``: measures, prints the figures, and writes them to ``output/bench``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.bench import samples as streams
from tests.bench import store
from tests.bench.verdict import write_summary

OUTPUT = Path(__file__).resolve().parents[2] / "output" / "bench"


def main() -> int:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    samples = store.measure()
    (OUTPUT / "store.json").write_text(json.dumps(store.raw(samples)) + "\n", encoding="utf-8")
    print("", store.table(samples), "", sep="\n")
    long_ride = streams.measure()
    (OUTPUT / "samples.json").write_text(json.dumps(streams.raw(long_ride)) + "\n", encoding="utf-8")
    print(streams.table(long_ride), "", sep="\n")
    verdicts = [*store.verdicts(samples), *streams.verdicts(long_ride)]
    write_summary(OUTPUT / "summary.json", verdicts)
    for verdict in verdicts:
        print(verdict)
    return 0 if all(verdict.ok for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
