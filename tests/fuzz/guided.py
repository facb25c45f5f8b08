"""One target under libFuzzer, which keeps the inputs that reach new code; a process of its own.

libFuzzer is told to end itself by a signal when the target has had its time on the CPU: what else the host does is no
matter then.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import atheris

# Whatever is loaded within is instrumented, so this has to come before all other imports of ours.
with atheris.instrument_imports(include=["strava_collector"], enable_loader_override=False):
    from tests.fuzz.catalogue import load
    from tests.fuzz.mutation import Mutator

    _TARGET = load(sys.argv[1])

#: Every second input is libFuzzer's own mutation.
_OURS = 0.5


def main(seconds: float, folder: Path) -> None:
    """Fuzz until so many seconds of CPU are used, or until a finding: its file is ``crash-…`` in the folder."""
    found = folder / "corpus"
    found.mkdir(parents=True, exist_ok=True)
    corpora = [str(found), str(_TARGET.corpus)]
    until = time.process_time() + seconds
    rng = random.Random(_TARGET.name)
    mutator = Mutator(rng, _TARGET.words, _TARGET.longest)

    def check(data: bytes) -> None:
        if time.process_time() >= until:
            os.kill(os.getpid(), signal.SIGUSR1)  # libFuzzer's word for a good end
        _TARGET.check(data)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        rng.seed(seed)
        if rng.random() < _OURS:
            return mutator.mutate(data)[:most]
        return bytes(atheris.Mutate(data, most))

    options = [
        f"-max_len={_TARGET.longest}",
        f"-artifact_prefix={folder}/",
        f"-dict={_dictionary(folder)}",
        "-timeout=20",
        "-rss_limit_mb=1500",
        "-print_final_stats=1",
        "-verbosity=1",
    ]
    atheris.Setup([sys.argv[0], *options, *corpora], check, custom_mutator=mutate)
    atheris.Fuzz()


def _dictionary(folder: Path) -> Path:
    path = folder / "words"
    quoted = ("".join(f"\\x{byte:02x}" for byte in word) for word in _TARGET.words)
    path.write_text("".join(f'"{word}"\n' for word in quoted), encoding="ascii")
    return path


if __name__ == "__main__":
    main(float(sys.argv[2]), Path(sys.argv[3]))
