"""What `pn.tune` answers: the trials, the best of them, and a model fitted with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ..data._frames import make_frame
from ..errors import UnavailableError
from ..evaluation.report import Interval

__all__ = ["Study"]


@dataclass(frozen=True, repr=False)
class Study:
    """The trials of a search for parameters.

    Attributes
    ----------
    best_model : fitted model
        Fitted on all of the training data with `best_params`.
    best_params : dict
        The parameters of the best trial that the search was over.
    best_value : Interval
        Its metric on the validation part, with the bootstrap interval. The best of many is an
        optimistic figure: report the one on a test part instead.
    trials : list of dict
        ``trial, stage, value, low, high, seconds, parameters, error`` each, in their order.
    metric, validation : str
        What was maximized, and on which part of the data.
    """

    best_model: Any
    best_params: dict[str, Any]
    best_value: Interval
    trials: list[dict[str, Any]]
    metric: str
    validation: str
    frame_kind: str | None = field(default=None)

    @property
    def frame(self) -> Any:
        """A row a trial, of the kind that the training data had: its metric, then parameters."""
        columns: dict[str, Any] = {
            "trial": pa.array([t["trial"] for t in self.trials], pa.int32()),
            "stage": pa.array([t["stage"] for t in self.trials], pa.string()),
            self.metric: pa.array([t["value"] for t in self.trials], pa.float64()),
            "low": pa.array([t["low"] for t in self.trials], pa.float64()),
            "high": pa.array([t["high"] for t in self.trials], pa.float64()),
            "seconds": pa.array([t["seconds"] for t in self.trials], pa.float64()),
            "error": pa.array([t["error"] for t in self.trials], pa.string()),
        }
        names = dict.fromkeys(name for t in self.trials for name in t["parameters"])
        for name in names:
            values = [t["parameters"].get(name) for t in self.trials]
            try:
                columns[name] = pa.array(values)
            except (pa.ArrowInvalid, pa.ArrowTypeError):  # texts and numbers in one parameter
                columns[name] = pa.array([None if v is None else str(v) for v in values])
        return make_frame(columns, self.frame_kind)

    def plot(self) -> Any:
        """Draw the trials: the metric as the search went on, and against each parameter.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        UnavailableError
            Where matplotlib is missing.
        """
        return _drawn(self)

    def __repr__(self) -> str:
        good = [t for t in self.trials if t["value"] is not None]
        told = ", ".join(f"{name}={value!r}" for name, value in self.best_params.items())
        failed = len(self.trials) - len(good)
        return (
            f"Study of {len(self.trials)} trials{f', {failed} of them failed' if failed else ''}\n"
            f"  {self.metric} {self.best_value} on {self.validation}\n"
            f"  best: {told}"
        )


_GIVEN = "#8c8c8c"
_TRIAL = "#4c72b0"
_BEST = "#dd8452"


def _drawn(study: Study) -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise UnavailableError("plots need matplotlib: pip install 'penchant[plots]'") from error
    good = [t for t in study.trials if t["value"] is not None]
    best = max(good, key=lambda t: (t["value"], -t["trial"]))
    names = list(study.best_params)
    columns = min(3, 1 + len(names))
    rows = -(-(1 + len(names)) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(4.2 * columns, 3.1 * rows), sharey=True, squeeze=False
    )
    flat = list(axes.flat)
    colors = [_BEST if t is best else _GIVEN if t["stage"] == "given" else _TRIAL for t in good]
    first = flat[0]
    first.scatter([t["trial"] for t in good], [t["value"] for t in good], c=colors, s=22, zorder=3)
    so_far = [max(t["value"] for t in good[: at + 1]) for at in range(len(good))]
    first.step([t["trial"] for t in good], so_far, where="post", color=_BEST, linewidth=1.2)
    first.set_xlabel("trial")
    first.set_title("as the search went on")
    for ax, name in zip(flat[1:], names, strict=False):
        _against(ax, name, good, colors)
    for ax in flat[1 + len(names) :]:
        ax.set_visible(False)
    for row in axes:
        row[0].set_ylabel(study.metric)
    for ax in flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color="#e5e5e5", zorder=0)
    figure.suptitle(f"{study.metric} on {study.validation}; grey: as given, orange: best")
    figure.tight_layout()
    return figure


def _against(ax: Any, name: str, trials: list[dict[str, Any]], colors: list[str]) -> None:
    values = [t["parameters"].get(name) for t in trials]
    scores = [t["value"] for t in trials]
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    if numbers:
        ax.scatter(values, scores, c=colors, s=22, zorder=3)
        if min(values) > 0 and max(values) / min(values) >= 20:
            ax.set_xscale("log")
    else:
        labels = sorted({str(v) for v in values})
        places = [labels.index(str(v)) for v in values]
        ax.scatter(places, scores, c=colors, s=22, zorder=3)
        ax.set_xticks(range(len(labels)), labels)
    ax.set_title(name)
