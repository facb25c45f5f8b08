"""The pictures of ``docs/performance.md``, as small SVGs; the same figures give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, LogFormatter

from tests.bench.spread import Spread, percentile

mpl.use("svg")
mpl.rcParams.update(
    {
        "svg.hashsalt": "strava",
        "svg.fonttype": "none",
        "font.size": 9,
        "font.family": "sans-serif",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
    }
)

#: One for each server, told apart by those who see no colours as well.
_COLOURS = ("#d9480f", "#1c3144", "#8aa1b1", "#b8b08d")

#: Numbers as people write them; between the powers of ten only if there are few.
_PLAIN = FuncFormatter(lambda value, _: f"{value:g}")
_PLAIN_IF_FEW = LogFormatter(minor_thresholds=(2, 0.4))

#: What a series is called in the raw figures, and the axis.
Raw = Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]


def connections(raw: Raw, file: Path) -> None:
    """Requests a second and p99, by clients at once, a bar for each server, quartiles as whiskers."""
    figure, (speed, times) = plt.subplots(1, 2, figsize=(8, 3))
    _bars(speed, raw, "per_second", 1.0)
    speed.set_title("requests/s, more is better")
    _bars(times, raw, "p99", 1_000.0)
    times.set_title("p99 in ms, less is better")
    times.set_yscale("log")
    times.yaxis.set_major_formatter(_PLAIN)
    times.yaxis.set_minor_formatter(_PLAIN_IF_FEW)
    figure.legend(*speed.get_legend_handles_labels(), loc="lower center", ncol=len(raw), frameon=False, fontsize=8)
    _save(figure, file, below=0.08)


def _bars(axes: Any, raw: Raw, series: str, factor: float) -> None:
    width = 0.8 / len(raw)
    counts = list(next(iter(raw.values())))
    for number, (name, by_count) in enumerate(raw.items()):
        spreads = [Spread.of([factor * value for value in by_count[count][series]]) for count in counts]
        axes.bar(
            [place + (number - (len(raw) - 1) / 2) * width for place in range(len(counts))],
            [one.median for one in spreads],
            width,
            label=name,
            color=_COLOURS[number],
            yerr=[[one.median - one.low for one in spreads], [one.high - one.median for one in spreads]],
            error_kw={"elinewidth": 0.8},
        )
    axes.set_xticks(range(len(counts)), [f"{count} at once" for count in counts])
    axes.grid(axis="y", alpha=0.3)


def hostile(raw: Mapping[str, Mapping[str, Any]], file: Path) -> None:
    """What share of the honest requests was answered within which time."""
    figure, axes = plt.subplots(figsize=(6, 2.8))
    for number, (way, one) in enumerate(raw.items()):
        shares = [share / 1_000 for share in range(1, 1_001)]
        times = [1_000 * percentile(one["took"], share) for share in shares]
        axes.plot(times, [100 * share for share in shares], label=way, color=_COLOURS[number])
    axes.axvline(500, color="#888", linestyle=":", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(_PLAIN)
    axes.set_xlabel("ms (dotted: what p99 must stay below)")
    axes.set_ylabel("% answered")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    _save(figure, file)


def growth(raw: Mapping[str, Mapping[str, Mapping[str, Sequence[Sequence[float]]]]], file: Path) -> None:
    """What an operation of the store costs, by the number of rows."""
    figure, axes = plt.subplots(figsize=(6, 2.8))
    for number, (name, by_size) in enumerate(raw.items()):
        sizes = [int(size) for size in by_size]
        spreads = [
            Spread.of([1_000 * one for times in figures["transaction"] for one in times])
            for figures in by_size.values()
        ]
        axes.plot(sizes, [one.median for one in spreads], marker="o", label=name, color=_COLOURS[number])
        axes.fill_between(
            sizes,
            [one.low for one in spreads],
            [one.high for one in spreads],
            color=_COLOURS[number],
            alpha=0.15,
            linewidth=0,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("rows in each table")
    axes.yaxis.set_major_formatter(_PLAIN)
    axes.set_ylabel("ms")
    axes.grid(alpha=0.3)
    figure.legend(*axes.get_legend_handles_labels(), loc="lower center", ncol=len(raw), frameon=False, fontsize=8)
    _save(figure, file, below=0.08)


def _save(figure: Any, file: Path, *, below: float = 0.0) -> None:
    """``below`` is kept free for the legend."""
    figure.tight_layout(rect=(0, below, 1, 1))
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
    # matplotlib ends lines with blanks, and begins with what only a stand-alone XML file needs.
    text = "\n".join(line.rstrip() for line in file.read_text(encoding="utf-8").splitlines())
    text = text[text.index("<svg") :]
    file.write_text(f"{text}\n", encoding="utf-8")
