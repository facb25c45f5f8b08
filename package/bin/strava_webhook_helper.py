"""The input *Strava Webhook* as splunkd starts it.

UCC generates ``strava_webhook.py``, which calls the two functions at the top. Everything that is not glue is in
``strava_collector``, and the glue that both kinds of inputs need is in ``strava_input_process``.
"""

from __future__ import annotations

from typing import Optional

from splunklib import modularinput

from strava_collector.input_faults import input_faults
from strava_collector.service import WebhookService
from strava_input_process import Process, stream, validate


def validate_input(definition: modularinput.ValidationDefinition) -> None:
    """Check an input that is being saved, and look at its files and its port. Raises ValueError with all faults."""
    validate(definition, input_faults)


def stream_events(inputs: modularinput.InputDefinition, event_writer: modularinput.EventWriter) -> None:
    """Run the input until splunkd ends it or goes away."""
    stream(inputs, event_writer, _service)


def _service(process: Process) -> Optional[WebhookService]:
    webhook_input = process.configured(process.reader.webhook_input)
    return (
        None
        if webhook_input is None
        else WebhookService(
            webhook_input, process.host, switched_off=lambda: process.reader.is_switched_off(process.name)
        )
    )
