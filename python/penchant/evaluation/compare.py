"""``pn.compare``: is one model better than another, person by person."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penchant.errors import InvalidArgumentError, NotFoundError

from ..data._frames import make_frame
from ._text import format_interval, format_number, table
from .evaluate import _RESAMPLES, DEFAULT_METRICS, evaluate
from .report import Interval, Report, format_percent, html_table


@dataclass(frozen=True)
class Difference:
    """One metric of two models on the same subjects.

    Attributes
    ----------
    a, b : float
        The means over the subjects where both are defined.
    value, low, high : float
        ``a - b`` with the interval of the paired bootstrap (NaN for coverage).
    better, worse : float
        Shares of the subjects where `a` is above, below `b`; the rest are equal. NaN for coverage.
    subjects : int
        How many were compared.
    """

    a: float
    b: float
    value: float
    low: float
    high: float
    better: float
    worse: float
    subjects: int

    @property
    def interval(self) -> Interval:
        """The difference alone."""
        return Interval(self.value, self.low, self.high)

    @property
    def significant(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, repr=False)
class Comparison:
    """Paired comparison of two models; ``comparison["map@10"].low > 0``: the first is better.

    Attributes
    ----------
    a, b : Report
    differences : dict of str to Difference
    subject_ids : ndarray [subjects]
        Those that both reports evaluated.
    """

    a: Report
    b: Report
    differences: dict[str, Difference]
    subject_ids: NDArray[Any]
    confidence: float = 0.95
    frame_kind: str | None = field(default=None, compare=False)

    def __getitem__(self, metric: str) -> Difference:
        name = str(metric).lower()
        if name not in self.differences:
            raise NotFoundError(
                f"'{metric}' was not compared; there are {', '.join(self.differences)}"
            )
        return self.differences[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.differences)

    def __len__(self) -> int:
        return len(self.differences)

    def to_frame(self, format: str | None = None) -> Any:  # noqa: A002
        """Return one row a metric: ``metric, a, b, difference, low, high, better, worse``."""
        each = list(self.differences.values())
        columns = {
            "metric": list(self.differences),
            "a": [one.a for one in each],
            "b": [one.b for one in each],
            "difference": [one.value for one in each],
            "low": [one.low for one in each],
            "high": [one.high for one in each],
            "better": [one.better for one in each],
            "worse": [one.worse for one in each],
        }
        return make_frame(columns, format or self.frame_kind)

    def plot(self, ax: Any = None) -> Any:
        """Draw the differences with their intervals around zero; return the matplotlib axes."""
        from .plots import plot_comparison

        return plot_comparison(self, ax)

    @property
    def title(self) -> str:
        """``a − b``, by the models' names."""
        return f"{self.a.name} − {self.b.name}"

    def describe(self) -> str:
        """Return how the figures were measured, as one line."""
        line = f"{len(self.subject_ids):,} subjects paired; {self.a.protocol.describe()}"
        if self.a.protocol.catalogue != self.b.protocol.catalogue:
            line += (
                f"; the second model's catalogue differs ({self.b.protocol.catalogue:,} items), "
                "and each model's truth is what its catalogue holds"
            )
        return line

    def _header(self) -> list[str]:
        interval = f"{format_percent(self.confidence)} interval"
        return ["metric", self.a.name, self.b.name, "difference", interval, "better", "worse"]

    def _rows(self) -> list[list[str]]:
        rows = []
        for name, each in self.differences.items():
            shares = ["" if np.isnan(s) else f"{s:.1%}" for s in (each.better, each.worse)]
            rows.append(
                [
                    name,
                    format_number(each.a),
                    format_number(each.b),
                    format_number(each.value, signed=True),
                    format_interval(each.low, each.high, signed=True),
                    *shares,
                ]
            )
        return rows

    def __repr__(self) -> str:
        return f"{self.title}\n{table(self._header(), self._rows())}\n{self.describe()}"

    def _repr_html_(self) -> str:
        caption = f"<b>{html.escape(self.title)}</b>"
        return html_table(self._header(), self._rows(), caption, self.describe())


def compare(
    a: Any,
    b: Any,
    test: Any,
    metrics: Sequence[str] = DEFAULT_METRICS,
    *,
    names: tuple[str, str] | None = None,
    **options: Any,
) -> Comparison:
    """Evaluate two models on the same people and compare them person by person.

    Pairing removes what makes people differ from each other, so a small difference shows that two
    separate intervals would hide.

    Parameters
    ----------
    a, b : fitted models or Pipelines
    test : Dataset
    metrics : sequence of str
    names : pair of str, optional
        How to call the models.
    **options
        As of ``pn.evaluate``: ``exclude_seen``, ``confidence``, ``seed``, ``subjects``, ...

    Returns
    -------
    Comparison
        Differences are ``a - b``.
    """
    name_a, name_b = names or _two_names(a, b)
    report_a = evaluate(a, test, metrics, name=name_a, **options)
    report_b = evaluate(b, test, metrics, name=name_b, **options)
    return compare_reports(report_a, report_b)


def compare_reports(a: Report, b: Report) -> Comparison:
    """Compare two reports on the subjects and metrics that both have.

    Raises
    ------
    InvalidArgumentError
        When they share no subject or no metric, or were measured by different rules.
    """
    from penchant import _core

    for option in ("exclude_seen", "unknown_items", "auc_against"):
        ours, theirs = getattr(a.protocol, option), getattr(b.protocol, option)
        if ours != theirs:
            raise InvalidArgumentError(
                f"one report has {option}={ours!r} and the other {theirs!r}; evaluate both alike"
            )
    shared = [metric for metric in a if metric in b]
    ids, rows_a, rows_b = _shared_subjects(a.subject_ids, b.subject_ids)
    if not shared or len(ids) == 0:
        raise InvalidArgumentError("the two reports share no metric or no subject")
    values_a = np.stack([a.subject_values[metric][rows_a] for metric in shared])
    values_b = np.stack([b.subject_values[metric][rows_b] for metric in shared])
    gaps = values_a - values_b  # NaN where either is undefined
    intervals = _core.bootstrap(
        gaps, confidence=a.confidence, seed=a.seed, resamples=_RESAMPLES, threads=0
    )
    differences = {}
    for row, metric in enumerate(shared):
        defined = ~np.isnan(gaps[row])
        if not defined.any():  # coverage: one value for all the lists
            low_level = a[metric].value, b[metric].value
            nan = float("nan")
            differences[metric] = Difference(
                *low_level, low_level[0] - low_level[1], nan, nan, nan, nan, 0
            )
            continue
        value, low, high = (float(x) for x in intervals[row])
        differences[metric] = Difference(
            a=float(values_a[row][defined].mean()),
            b=float(values_b[row][defined].mean()),
            value=value,
            low=low,
            high=high,
            better=float(np.mean(gaps[row][defined] > 0)),
            worse=float(np.mean(gaps[row][defined] < 0)),
            subjects=int(defined.sum()),
        )
    return Comparison(a, b, differences, ids, a.confidence, a.frame_kind)


def _shared_subjects(
    a: NDArray[Any], b: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    where_b = {subject: row for row, subject in enumerate(b.tolist())}
    rows_a = [row for row, subject in enumerate(a.tolist()) if subject in where_b]
    rows_b = [where_b[subject] for subject in a[rows_a].tolist()]
    return a[rows_a], np.asarray(rows_a, dtype=np.int64), np.asarray(rows_b, dtype=np.int64)


def _two_names(a: Any, b: Any) -> tuple[str, str]:
    name_a, name_b = type(a).__name__, type(b).__name__
    return (name_a, name_b) if name_a != name_b else (f"{name_a} (a)", f"{name_b} (b)")
