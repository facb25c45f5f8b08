"""The input *Strava Activities* as splunkd starts it.

UCC generates ``strava_activities.py``, which calls the two functions at the top. Everything that is not glue is in
``strava_collector``, and the glue that both kinds of inputs need is in ``strava_input_process``.
"""

from __future__ import annotations

from typing import Optional

from splunklib import modularinput

from strava_collector.activities_faults import activities_faults
from strava_collector.activities_service import ActivitiesService
from strava_input_process import Process, stream, validate


def validate_input(definition: modularinput.ValidationDefinition) -> None:
    """Check an input that is being saved. Raises ValueError with all faults."""
    validate(definition, activities_faults)


def stream_events(inputs: modularinput.InputDefinition, event_writer: modularinput.EventWriter) -> None:
    """Run the input until splunkd ends it or goes away."""
    stream(inputs, event_writer, _service)


def _service(process: Process) -> Optional[ActivitiesService]:
    activities_input = process.configured(process.reader.activities_input)
    return None if activities_input is None else ActivitiesService(activities_input, process.host)
