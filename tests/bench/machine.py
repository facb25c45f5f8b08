"""What it was measured on, and when."""

from __future__ import annotations

import os
import platform
import sqlite3
import ssl
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import psutil
import uvicorn

from tools import nginx


def describe(cores: list[int], *, quick: bool) -> dict[str, object]:
    """Return values for a JSON file."""
    executable = nginx.ready()
    version = subprocess.run([str(executable), "-v"], check=True, stderr=subprocess.PIPE, text=True).stderr
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cores": len(cores),
        "of_cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
        "sqlite": sqlite3.sqlite_version,
        "nginx": version.strip().rpartition("/")[2],
        "uvicorn": uvicorn.__version__,
        "quick": quick,
        #: How much others did: processes that wanted to run, averaged over the last minute before and after.
        "load_before": os.getloadavg()[0],
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def two_cores() -> list[int]:
    """Keep this process, and all that it starts, to two cores; return them."""
    if not hasattr(os, "sched_setaffinity"):
        return list(range(os.cpu_count() or 1))
    cores = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, cores)
    return cores
