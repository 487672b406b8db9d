"""Plots of segments; matplotlib is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import UnavailableError

_SERIES = ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3", "#937860", "#da8bc3", "#8c8c8c")


def _axes(ax: Any, width: float, height: float) -> Any:
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise UnavailableError("plots need matplotlib: pip install 'penchant[plots]'") from error
    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def plot_sizes(
    times: Sequence[Any], names: Sequence[str], counts: np.ndarray, ax: Any = None
) -> Any:
    """Draw counts [times, segments] as lines, each with its name at its end."""
    ax = _axes(ax, 8.0, 4.0)
    for number, name in enumerate(names):
        color = _SERIES[number % len(_SERIES)]
        ax.plot(times, counts[:, number], color=color, label=name)
    ax.set_ylabel("members")
    ax.set_ylim(bottom=0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize="small")
    return ax


def plot_overlap(names: Sequence[str], counts: np.ndarray, ax: Any = None) -> Any:
    """Draw, of each segment (row), the share that is in each other (column), with the counts."""
    ax = _axes(ax, 2.0 + 0.6 * len(names), 1.5 + 0.5 * len(names))
    own = np.maximum(np.diagonal(counts), 1)[:, None]
    shares = counts / own
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    places = np.arange(len(names))
    ax.set_xticks(places, names, rotation=45, ha="right")
    ax.set_yticks(places, names)
    for row in places:
        for column in places:
            color = "white" if shares[row, column] > 0.6 else "#333333"
            ax.text(
                column,
                row,
                f"{counts[row, column]:,}",
                ha="center",
                va="center",
                color=color,
                fontsize="small",
            )
    ax.set_title("share of the row's members that are in the column's too", fontsize="small")
    return ax
