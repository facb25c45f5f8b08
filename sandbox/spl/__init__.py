"""Splunk's search language, as far as the shipped searches use it, from Splunk's public manuals.

    index = Index.of(events, now=1_790_000_000.0)
    rows = index.search("`strava_activities(7)` | stats count BY sport", earliest="-1y@mon", latest="now")

It makes no claim to be Splunk. It reads the very text of ``package/default``, and what it does not know it refuses with
an AssertionError that names it.

From below: ``values`` (numbers, texts, order), ``times``, ``text`` (bars, commas, options), ``functions`` and
``expression`` (eval, where), ``conf`` (files and macros), ``terms`` (search), ``extraction`` (fields of events),
``statistics`` (stats and its relatives), ``commands``, ``index``.
"""

from sandbox.spl.conf import expand, stanzas
from sandbox.spl.expression import evaluate
from sandbox.spl.index import Index, Stored
from sandbox.spl.text import assignments, pipeline
from sandbox.spl.times import moment
from sandbox.spl.values import Row

__all__ = ["Index", "Row", "Stored", "assignments", "evaluate", "expand", "moment", "pipeline", "stanzas"]
