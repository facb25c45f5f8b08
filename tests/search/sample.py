"""The training and the logs that searches are run over, in the tests of searches and in those of dashboards."""

from __future__ import annotations

import functools

from sandbox import training
from sandbox.simulation.operation_log import operation_log
from tests.search.catalogue import TODAY
from tests.support.made_once import made_once

#: Of so many newest activities of each athlete there are samples, and of each monthly test: enough, and soon read.
SAMPLED = 3


@functools.cache
def trained() -> training.History:
    """Two years of three athletes."""
    return made_once("training", lambda: training.history(TODAY, seed=1, samples=SAMPLED))


@functools.cache
def logged(*, bad: bool) -> dict[str, list[str]]:
    """What the collector's log says of some days, bad ones or good ones, by file."""
    return made_once(f"log-of-{'bad' if bad else 'good'}-days", lambda: operation_log(TODAY.timestamp(), bad=bad))
