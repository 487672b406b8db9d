"""Plots of importances and explanations; matplotlib is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidArgumentError, UnavailableError

if TYPE_CHECKING:
    from ._explain import PartialDependence
    from ._reliability import Reliability

_BAR = "#4c72b0"
_DOWN = "#c44e52"
_UP = "#55a868"
_LINE = "#8c8c8c"
_SERIES = ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3", "#937860")


def _axes(ax: Any, bars: int) -> Any:
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise UnavailableError("plots need matplotlib: pip install 'penchant[plots]'") from error
    return plt.subplots(figsize=(7, 0.9 + 0.35 * bars), layout="constrained")[1]


def _bars(ax: Any, labels: Sequence[str], values: Any, **how: Any) -> None:
    places = np.arange(len(labels))
    ax.barh(places, values, height=0.65, **how)
    ax.set_yticks(places, labels)
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)


def plot_importances(
    names: Sequence[str],
    values: npt.ArrayLike,
    ax: Any = None,
    *,
    spread: npt.ArrayLike | None = None,
    top: int = 20,
) -> Any:
    """Draw the ``top`` largest of some importances as bars, with ``spread`` on both sides."""
    heights = np.asarray(values, dtype=np.float64)
    if heights.shape != (len(names),):
        raise InvalidArgumentError(f"{heights.size} importances for {len(names)} names")
    order = np.argsort(-heights, kind="stable")[:top]
    ax = _axes(ax, len(order))
    arms = None if spread is None else np.asarray(spread)[order]
    _bars(ax, [names[i] for i in order], heights[order], xerr=arms, color=_BAR, ecolor="#333333")
    ax.set_xlabel("importance")
    return ax


def plot_shap_summary(
    values: npt.ArrayLike, names: Sequence[str], ax: Any = None, *, top: int = 20
) -> Any:
    """Draw the mean size of the SHAP values of many rows, [n, features + 1]."""
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != len(names) + 1:
        raise InvalidArgumentError(
            f"values must be [rows, {len(names) + 1}], not shape {table.shape}; choose one output"
        )
    ax = plot_importances(names, np.abs(table[:, :-1]).mean(axis=0), ax, top=top)
    ax.set_xlabel("mean |SHAP value|")
    return ax


def plot_shap_row(
    values: npt.ArrayLike, names: Sequence[str], ax: Any = None, *, top: int = 12
) -> Any:
    """Draw what moved one row's score from the expected one, [features + 1]."""
    row = np.asarray(values, dtype=np.float64)
    if row.shape != (len(names) + 1,):
        raise InvalidArgumentError(f"values must be [{len(names) + 1}], not shape {row.shape}")
    moved = row[:-1]
    order = np.argsort(-np.abs(moved), kind="stable")[:top]
    rest = np.delete(moved, order)
    labels = [names[i] for i in order] + ([f"{rest.size} others"] if rest.size else [])
    heights = np.append(moved[order], rest.sum()) if rest.size else moved[order]
    ax = _axes(ax, len(labels))
    _bars(ax, labels, heights, color=[_UP if each > 0 else _DOWN for each in heights])
    ax.axvline(0.0, color="#333333", linewidth=1)
    ax.set_title(f"expected {row[-1]:.4g}, score {row.sum():.4g}", loc="left", fontsize=10)
    ax.set_xlabel("moves the score by")
    return ax


def plot_partial_dependence(found: PartialDependence, ax: Any = None, *, lines: int = 50) -> Any:
    """Draw the mean, over the lines of evenly chosen rows."""
    ax = _axes(ax, 9)
    count = min(lines, len(found.rows))
    for row in np.linspace(0, len(found.rows) - 1, count).astype(int):
        ax.plot(found.grid, found.rows[row], color=_LINE, linewidth=0.5, alpha=0.4)
    ax.plot(found.grid, found.mean, color=_BAR, linewidth=2)
    ax.set_xlabel(found.name)
    ax.set_ylabel("prediction")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_reliability(found: Reliability | dict[str, Reliability], ax: Any = None) -> Any:
    """Draw observed shares against probabilities with their intervals, and where rows lie below.

    ``found`` is one `reliability`, or several by name to compare. On the dashed line probabilities
    are what they say; the number in the legend is the expected calibration error.
    """
    series = found if isinstance(found, dict) else {"": found}
    ax = _axes(ax, 12)
    ax.plot([0, 1], [0, 1], color=_LINE, linewidth=1, linestyle="--", zorder=1)
    below = ax.inset_axes((0, -0.3, 1, 0.25))
    for number, (name, one) in enumerate(series.items()):
        color = _SERIES[number % len(_SERIES)]
        arms = np.array([one.observed - one.low, one.high - one.observed])
        label = f"{name}: {one.expected_error:.4f}" if name else f"error {one.expected_error:.4f}"
        ax.errorbar(
            one.predicted, one.observed, yerr=np.maximum(arms, 0), color=color, label=label,
            marker="o", markersize=4, linewidth=1.2, elinewidth=1, capsize=2,
        )  # fmt: skip
        edges = np.linspace(0, 1, len(one.histogram) + 1)
        below.stairs(one.histogram, edges, color=color, fill=len(series) == 1, alpha=0.8)
    ax.set_ylabel("observed share")
    ax.set_ylim(-0.02, 1.02)
    ax.tick_params(labelbottom=False)
    title = "expected calibration error" if isinstance(found, dict) else None
    ax.legend(frameon=False, loc="upper left", title=title, alignment="left")
    below.set_xlabel("probability")
    below.set_ylabel("share")
    for each in (ax, below):
        each.set_xlim(-0.02, 1.02)
        each.spines[["top", "right"]].set_visible(False)
    return ax
