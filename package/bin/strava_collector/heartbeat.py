"""The parts of a running input that give signs of life, and how often."""

from __future__ import annotations

LISTENER = "listener"
WORKER = "worker"
DISPATCHER = "dispatcher"
SUBSCRIPTION = "subscription"
LISTER = "lister"

#: Seconds between two signs of life, as long as nothing changes.
EVERY = 60.0
#: A part that has been silent for longer, in seconds, is not at work; a busy host may skip one.
LONGEST_SILENCE = 180.0
