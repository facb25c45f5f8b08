"""The servers that the listener is compared with, each a process of its own."""
