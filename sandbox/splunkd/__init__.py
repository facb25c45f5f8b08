"""A stand-in for splunkd: enough of it to run the built add-on unchanged, and stricter than the real one.

Written from the documented behaviour and from what the open-source packages (splunklib, solnlib,
splunktaucclib) ask for.
"""

from __future__ import annotations

from .faults import Fault
from .index import Event
from .messages import Message
from .splunkd import Splunkd

__all__ = ["Event", "Fault", "Message", "Splunkd"]
