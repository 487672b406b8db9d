"""Plots of reports, comparisons and leaderboards; matplotlib is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from penchant.errors import UnavailableError

from .report import Interval, format_percent, is_defined

if TYPE_CHECKING:
    from .compare import Comparison
    from .leaderboard import Leaderboard
    from .report import Report

_BAR = "#4c72b0"
_BEST = "#dd8452"
_DOWN = "#c44e52"
_UP = "#55a868"
_NEUTRAL = "#8c8c8c"


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise UnavailableError("plots need matplotlib: pip install 'penchant[plots]'") from error
    return plt


def _arms(interval: Interval) -> tuple[float, float]:
    """Lengths of the error bar below and above the value."""
    if not is_defined(interval):
        return float("nan"), float("nan")
    # A percentile interval need not hold the mean; an arm can't be negative.
    return max(0.0, interval.value - interval.low), max(0.0, interval.high - interval.value)


def _bars(ax: Any, labels: Sequence[str], intervals: Sequence[Interval], colors: Any) -> None:
    places = np.arange(len(labels))
    arms = np.array([_arms(interval) for interval in intervals]).T
    values = [interval.value for interval in intervals]
    ax.barh(places, values, xerr=arms, color=colors, height=0.65, capsize=3, ecolor="#333333")
    ax.set_yticks(places, labels)
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)


def plot_report(report: Report, ax: Any = None) -> Any:
    """Draw a report as bars with intervals.

    Novelty is measured in bits and would dwarf the rest: it is written beside the title.
    """
    shares = [metric for metric in report if not metric.startswith("novelty")]
    bits = [metric for metric in report if metric not in shares]
    drawn = shares or bits
    if ax is None:
        _, ax = _pyplot().subplots(figsize=(7, 0.8 + 0.4 * len(drawn)), layout="constrained")
    _bars(ax, drawn, [report[metric] for metric in drawn], _BAR)
    notes = [f"{metric} {report[metric]} bits" for metric in bits] if shares else []
    ax.set_title("\n".join([report.name, *notes]), loc="left", fontsize=10)
    ax.set_xlabel(
        f"mean over {report.protocol.evaluated:,} subjects, "
        f"{format_percent(report.confidence)} interval"
    )
    return ax


def plot_comparison(comparison: Comparison, ax: Any = None) -> Any:
    """Draw the paired differences with their intervals around zero."""
    metrics = [
        metric
        for metric in comparison
        if is_defined(comparison[metric].interval) and not metric.startswith("novelty")
    ]
    if ax is None:
        _, ax = _pyplot().subplots(figsize=(7, 0.9 + 0.4 * len(metrics)), layout="constrained")
    for place, metric in enumerate(metrics):
        each = comparison[metric]
        color = _NEUTRAL if not each.significant else (_UP if each.value > 0 else _DOWN)
        arms = np.array([_arms(each.interval)]).T
        ax.errorbar([each.value], [place], xerr=arms, fmt="o", color=color, capsize=4)
    ax.axvline(0.0, color="#333333", linewidth=1)
    ax.set_yticks(np.arange(len(metrics)), metrics)
    ax.set_ylim(len(metrics) - 0.5, -0.5)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_title(comparison.title, loc="left", fontsize=10)
    ax.set_xlabel(
        f"difference on {len(comparison.subject_ids):,} paired subjects, "
        f"{format_percent(comparison.confidence)} interval"
    )
    return ax


def plot_leaderboard(board: Leaderboard, metrics: Sequence[str] | None = None) -> Any:
    """Draw one panel a metric, one bar a model with its interval; the highest in another colour."""
    drawn = list(metrics) if metrics is not None else board.metrics
    columns = min(3, len(drawn))
    rows = -(-len(drawn) // columns)
    size = (4.2 * columns, rows * (0.9 + 0.35 * len(board)))
    figure, axes = _pyplot().subplots(
        rows, columns, figsize=size, sharey=True, squeeze=False, layout="constrained"
    )
    for panel, metric in zip(axes.flat, drawn, strict=False):
        best = board.best(metric)
        intervals = [board[name][metric] for name in board]
        _bars(panel, list(board), intervals, [_BEST if name == best else _BAR for name in board])
        panel.set_title(metric, loc="left", fontsize=10)
    for panel in axes.flat[len(drawn) :]:
        panel.set_visible(False)
    # Axes that share y would be turned upside down once a panel.
    axes.flat[0].set_ylim(len(board) - 0.5, -0.5)
    return figure
