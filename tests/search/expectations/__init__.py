"""What each search has to show, computed from what is true of the sample's training, by theme.

Nothing here reads the text of a search, nor uses what interprets it: each function is our own reading of the question
that the search's title asks, in Python and pandas.
"""

from tests.search.expectations import (
    alerts,
    dashboard_activity,
    dashboard_overview,
    dashboard_training,
    dashboard_training_bests,
    distance,
    erasing,
    gear,
    habits,
    pages,
    samples,
    segments,
    weeks,
)
from tests.search.expectations.registry import EXPECTATIONS, Expectation

__all__ = [
    "EXPECTATIONS",
    "Expectation",
    "alerts",
    "dashboard_activity",
    "dashboard_overview",
    "dashboard_training",
    "dashboard_training_bests",
    "distance",
    "erasing",
    "gear",
    "habits",
    "pages",
    "samples",
    "segments",
    "weeks",
]
