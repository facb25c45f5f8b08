"""How long to wait for something on a host that has other things to do, too."""

from __future__ import annotations

import os


def patience(seconds: float) -> float:
    """Return the seconds to wait for what takes less on a free host: more, the more processes wait for each processor.

    It says when something is given up as failed; nothing is measured with it.
    """
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
