"""What ``pn.evaluate`` answers: values with intervals, and how they were measured."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from penchant.errors import NotFoundError

from ..data._frames import make_frame
from ._text import format_interval, format_number, table

if TYPE_CHECKING:
    from .compare import Comparison


@dataclass(frozen=True)
class Interval:
    """A mean over subjects with its bootstrap interval.

    Attributes
    ----------
    value, low, high : float
        `low` and `high` are NaN where a bootstrap over subjects says nothing (coverage belongs to
        the whole set of lists, not to people).
    """

    value: float
    low: float
    high: float

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        return f"{format_number(self.value)} {format_interval(self.low, self.high)}".rstrip()


@dataclass(frozen=True)
class Protocol:
    """How the figures were measured, in counts.

    Attributes
    ----------
    catalogue : int
        Items that competed for every list.
    exclude_seen : bool
        Whether training items were masked, and repeats dropped from the truth.
    subjects, unknown_items, auc_against : str
        As asked of ``pn.evaluate``.
    test_subjects : int
        Subjects with at least one pair in the test data.
    unknown_subjects : int
        Of those, the ones that training has not seen.
    without_truth : int
        Subjects left out because nothing right remained for them.
    evaluated : int
        Subjects evaluated.
    pairs : int
        Right (subject, item) pairs of the evaluated.
    repeats : int
        Pairs that were already in training (dropped when `exclude_seen`).
    unknown_item_pairs : int
        Pairs whose item training has not seen.
    folded : str or None
        What the model was told of the subjects by folding in; None: what it was trained on.
    """

    catalogue: int
    exclude_seen: bool
    subjects: str
    unknown_items: str
    auc_against: str
    test_subjects: int
    unknown_subjects: int
    without_truth: int
    evaluated: int
    pairs: int
    repeats: int
    unknown_item_pairs: int
    folded: str | None = None

    def describe(self) -> str:
        """Return the protocol as one line of prose."""
        seen = "seen items masked" if self.exclude_seen else "seen items may return"
        if self.auc_against == "all":
            seen += ", AUC against all that is not right"
        if self.folded:
            seen += f", {self.folded}"
        left_out = []
        if self.subjects == "known" and self.unknown_subjects:
            left_out.append(f"{self.unknown_subjects:,} unknown to training")
        if self.subjects == "new" and self.test_subjects > self.unknown_subjects:
            left_out.append(f"{self.test_subjects - self.unknown_subjects:,} known to training")
        if self.without_truth:
            left_out.append(f"{self.without_truth:,} with nothing left to find")
        people = f"{self.evaluated:,} of {self.test_subjects:,} test subjects"
        if left_out:
            people += f" ({', '.join(left_out)})"
        if self.subjects == "all" and self.unknown_subjects:
            people += f", {self.unknown_subjects:,} of them unknown to training"
        notes = []
        if self.repeats:
            verb = "dropped" if self.exclude_seen else "among them"
            notes.append(f"{self.repeats:,} repeats of training {verb}")
        if self.unknown_item_pairs:
            verb = "dropped" if self.unknown_items == "drop" else "counted as misses"
            notes.append(f"{self.unknown_item_pairs:,} of items unknown to training {verb}")
        pairs = f"{self.pairs:,} right pairs" + (f" ({', '.join(notes)})" if notes else "")
        return f"full catalogue of {self.catalogue:,} items, {seen}; {people}; {pairs}"


@dataclass(frozen=True, repr=False)
class Report:
    """Metrics of one model on one test set.

    ``report["map@10"].value``, ``.low``, ``.high``; iterating gives the metrics' names.

    Attributes
    ----------
    name : str
        Of the model.
    intervals : dict of str to Interval
    protocol : Protocol
    subject_ids : ndarray [evaluated]
    subject_values : dict of str to ndarray float64 [evaluated]
        NaN where a metric is undefined for the person.
    confidence : float
    seed : int
        Of the bootstrap.
    """

    name: str
    intervals: dict[str, Interval]
    protocol: Protocol
    subject_ids: NDArray[Any]
    subject_values: dict[str, NDArray[np.float64]]
    confidence: float = 0.95
    seed: int = 0
    frame_kind: str | None = field(default=None, compare=False)

    def __getitem__(self, metric: str) -> Interval:
        return self.intervals[self._canonical(metric)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.intervals)

    def __len__(self) -> int:
        return len(self.intervals)

    def __contains__(self, metric: object) -> bool:
        return isinstance(metric, str) and metric.lower() in self.intervals

    def _canonical(self, metric: str) -> str:
        name = str(metric).lower()
        if name not in self.intervals:
            raise NotFoundError(
                f"'{metric}' was not measured; this report has {', '.join(self.intervals)}"
            )
        return name

    def to_frame(self, format: str | None = None) -> Any:  # noqa: A002
        """Return one row a metric: ``metric, value, low, high``.

        Parameters
        ----------
        format : {"pandas", "polars", "pyarrow"}, optional
            The kind that the test data came in by default.
        """
        columns = {
            "metric": list(self.intervals),
            "value": [interval.value for interval in self.intervals.values()],
            "low": [interval.low for interval in self.intervals.values()],
            "high": [interval.high for interval in self.intervals.values()],
        }
        return make_frame(columns, format or self.frame_kind)

    def per_subject(self, metric: str, format: str | None = None) -> Any:  # noqa: A002
        """Return one row a subject: ``subject, value`` (NaN where undefined).

        Raises
        ------
        NotFoundError
            When the metric was not measured.
        """
        name = self._canonical(metric)
        return make_frame(
            {"subject": self.subject_ids, "value": self.subject_values[name]},
            format or self.frame_kind,
        )

    def compare(self, other: Report) -> Comparison:
        """Return the paired comparison ``self - other``; see ``pn.compare``."""
        from .compare import compare_reports

        return compare_reports(self, other)

    def plot(self, ax: Any = None) -> Any:
        """Draw the metrics as bars with their intervals; return the matplotlib axes."""
        from .plots import plot_report

        return plot_report(self, ax)

    def _rows(self) -> list[list[str]]:
        return [
            [name, format_number(each.value), format_interval(each.low, each.high)]
            for name, each in self.intervals.items()
        ]

    def _header(self) -> list[str]:
        return ["metric", "value", f"{format_percent(self.confidence)} interval"]

    def __repr__(self) -> str:
        return f"{self.name}\n{table(self._header(), self._rows())}\n{self.protocol.describe()}"

    def _repr_html_(self) -> str:
        caption = f"<b>{html.escape(self.name)}</b>"
        return html_table(self._header(), self._rows(), caption, self.protocol.describe())


def format_percent(share: float) -> str:
    """Return 0.95 as ``95%``."""
    return f"{100 * share:.4g}%"


def html_table(header: list[str], rows: list[list[str]], caption: str, note: str) -> str:
    """Return an HTML table; the first column to the left, the others to the right."""

    def line(cells: list[str], tag: str) -> str:
        aligned = (
            f'<{tag} style="text-align:{"left" if i == 0 else "right"}">{html.escape(cell)}</{tag}>'
            for i, cell in enumerate(cells)
        )
        return f"<tr>{''.join(aligned)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return (
        f"<div>{caption}<table><thead>{line(header, 'th')}</thead><tbody>{body}</tbody></table>"
        f"<small>{html.escape(note)}</small></div>"
    )


def is_defined(interval: Interval) -> bool:
    """Return whether the interval has ends to draw or print."""
    return not (math.isnan(interval.low) or math.isnan(interval.high))
