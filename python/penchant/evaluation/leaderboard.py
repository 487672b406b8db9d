"""One table of several models on the same people."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penchant.errors import InvalidArgumentError, NotFoundError

from ..data._frames import make_frame
from ._text import format_number, table
from .compare import Comparison
from .evaluate import DEFAULT_METRICS, evaluate
from .report import Interval, Report, format_percent, html_table, is_defined

_WIDEST = 100  # characters of a line of the table, before metrics go to a second one


@dataclass(frozen=True, repr=False)
class Leaderboard:
    """Reports of several models, by name, in the order given."""

    reports: dict[str, Report]

    def __getitem__(self, name: str) -> Report:
        if name not in self.reports:
            raise NotFoundError(f"no model is called '{name}'; there are {', '.join(self.reports)}")
        return self.reports[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.reports)

    def __len__(self) -> int:
        return len(self.reports)

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics."""
        return list(next(iter(self.reports.values())))

    def best(self, metric: str) -> str:
        """Return the name of the model with the highest value."""
        return max(self.reports, key=lambda name: _or_lowest(self.reports[name][metric].value))

    def compare(self, a: str, b: str) -> Comparison:
        """Return the paired comparison of two of the models, ``a - b``."""
        return self[a].compare(self[b])

    def to_frame(self, format: str | None = None) -> Any:  # noqa: A002
        """Return one row a model and metric: ``model, metric, value, low, high``."""
        cells = [
            (name, metric, report[metric])
            for name, report in self.reports.items()
            for metric in report
        ]
        columns = {
            "model": [name for name, _, _ in cells],
            "metric": [metric for _, metric, _ in cells],
            "value": [interval.value for _, _, interval in cells],
            "low": [interval.low for _, _, interval in cells],
            "high": [interval.high for _, _, interval in cells],
        }
        return make_frame(columns, format or self._any.frame_kind)

    def plot(self, metrics: Sequence[str] | None = None) -> Any:
        """Draw one panel a metric, one bar a model with its interval; return the figure."""
        from .plots import plot_leaderboard

        return plot_leaderboard(self, metrics)

    @property
    def _any(self) -> Report:
        return next(iter(self.reports.values()))

    def describe(self) -> str:
        """Return how the figures were measured, as one line."""
        half = f"± half the {format_percent(self._any.confidence)} interval, * the highest"
        return f"{half}; {self._any.protocol.describe()}"

    def _rows(self) -> list[list[str]]:
        best = {metric: self.best(metric) for metric in self.metrics}
        return [
            [name, *(_cell(report[m]) + ("*" if best[m] == name else " ") for m in self.metrics)]
            for name, report in self.reports.items()
        ]

    def __repr__(self) -> str:
        header = ["model", *(metric + " " for metric in self.metrics)]
        rows = self._rows()
        widths = [max(len(row[c]) for row in [header, *rows]) for c in range(len(header))]
        blocks: list[list[int]] = [[]]
        for column in range(1, len(header)):
            used = widths[0] + sum(widths[c] + 2 for c in blocks[-1])
            if blocks[-1] and used + widths[column] + 2 > _WIDEST:
                blocks.append([])
            blocks[-1].append(column)
        texts = [
            table(
                [header[0], *(header[c] for c in block)],
                [[r[0], *(r[c] for c in block)] for r in rows],
            )
            for block in blocks
        ]
        return "\n\n".join(texts) + "\n" + self.describe()

    def _repr_html_(self) -> str:
        return html_table(
            ["model", *self.metrics], self._rows(), html.escape("Leaderboard"), self.describe()
        )


def leaderboard(
    models: Mapping[str, Any],
    test: Any,
    metrics: Sequence[str] = DEFAULT_METRICS,
    **options: Any,
) -> Leaderboard:
    """Evaluate several models on the same test set.

    Parameters
    ----------
    models : mapping of str to fitted model or Pipeline
    test : Dataset
    metrics : sequence of str
    **options
        As of ``pn.evaluate``.

    Raises
    ------
    InvalidArgumentError
        When there is no model.
    """
    if not models:
        raise InvalidArgumentError("leaderboard needs at least one model: {'name': model}")
    reports = {
        str(name): evaluate(model, test, metrics, name=str(name), **options)
        for name, model in models.items()
    }
    return Leaderboard(reports)


def _cell(interval: Interval) -> str:
    text = format_number(interval.value)
    if not is_defined(interval):
        return text
    half = f"{(interval.high - interval.low) / 2:.4f}"
    return f"{text} ±{half[1:] if half.startswith('0.') else half}"


def _or_lowest(value: float) -> float:
    return -math.inf if math.isnan(value) else value
