"""``penchant evaluate``: a bundle against a held-out log, and bars that it must clear."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidArgumentError
from . import _events
from ._table import print_table

__all__ = ["DEFAULT_METRICS", "Bar", "add_parser", "parse_bar", "run"]

DEFAULT_METRICS = ("map@10", "ndcg@10", "recall@20", "mrr", "auc", "coverage@10")

_EXAMPLE = """\
example, as a gate in continuous integration:
  penchant evaluate shop.penchant --events test.parquet --require map@10=0.05 --require auc=0.7

exit code: 0 when every bar is met, 1 when one is missed, 2 when the question made no sense.
A bar is compared with the metric's value, or with --by low with the lower end of its interval.
"""


@dataclass(frozen=True)
class Bar:
    """A metric and the least it must be."""

    metric: str
    least: float


def parse_bar(text: str) -> Bar:
    """Read ``map@10=0.05``."""
    metric, equals, number = text.partition("=")
    try:
        least = float(number)
    except ValueError:
        least = math.nan
    if not equals or not metric.strip() or not math.isfinite(least):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form METRIC=NUMBER")
    return Bar(metric.strip(), least)


def add_parser(subparsers: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "evaluate",
        parents=parents,
        help="measure a bundle on a held-out log; fail when a bar is missed",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle")
    parser.add_argument("--events", required=True, metavar="FILE", help="held-out CSV or Parquet")
    parser.add_argument(
        "--require",
        action="append",
        default=[],
        type=parse_bar,
        metavar="METRIC=NUMBER",
        help="a bar; may be given again",
    )
    parser.add_argument(
        "--by", choices=("value", "low"), default="value", help="what a bar is compared with"
    )
    parser.add_argument(
        "--metrics",
        metavar="LIST",
        help=f"comma-separated; by default {','.join(DEFAULT_METRICS)} and those of --require",
    )
    parser.add_argument(
        "--keep-seen", action="store_true", help="rank what was bought in training too"
    )
    parser.add_argument("--confidence", type=float, default=0.95, help="of the intervals")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    _events.add_role_arguments(parser, defaults_from="as the bundle was trained")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure, print, judge."""
    import penchant

    pipeline = penchant.load(options.bundle)
    roles = _events.roles_from(options, _events.columns_of_bundle(options.bundle))
    roles["item_name"] = options.item_name
    test = _events.dataset_from(options.events, roles)
    metrics = _wanted_metrics(options)
    report = penchant.evaluate(
        pipeline,
        test,
        metrics=metrics,
        exclude_seen=not options.keep_seen,
        confidence=options.confidence,
    )
    bars = {bar.metric: bar.least for bar in options.require}
    rows = []
    for metric in metrics:
        result = report[metric]
        bar = bars.get(metric)
        measured = float(result.low if options.by == "low" else result.value)
        # NaN (nobody to measure on) clears no bar.
        met = None if bar is None else bool(measured >= bar)
        rows.append((metric, float(result.value), float(result.low), float(result.high), bar, met))
    if options.json:
        names = ("metric", "value", "low", "high", "required", "met")
        print(
            json.dumps(
                {
                    "bundle": str(options.bundle),
                    "events": str(options.events),
                    "exclude_seen": not options.keep_seen,
                    "confidence": options.confidence,
                    "metrics": [_finite(dict(zip(names, row, strict=True))) for row in rows],
                }
            )
        )
    else:
        _print(rows, options)
    return 1 if any(row[-1] is False for row in rows) else 0


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }


def _wanted_metrics(options: argparse.Namespace) -> list[str]:
    names = options.metrics.split(",") if options.metrics else list(DEFAULT_METRICS)
    wanted = [name.strip() for name in names if name.strip()]
    if not wanted:
        raise InvalidArgumentError("--metrics names none")
    return list(dict.fromkeys([*wanted, *(bar.metric for bar in options.require)]))


def _print(rows: list[tuple[Any, ...]], options: argparse.Namespace) -> None:
    percent = f"{100 * options.confidence:g}%"
    columns = ["metric", "value", f"{percent} low", f"{percent} high"]
    shown: list[list[Any]] = [
        # Coverage belongs to the lists together: it has no interval over people.
        [name, *("" if math.isnan(x) else f"{x:.4f}" for x in (value, low, high))]
        for name, value, low, high, _, _ in rows
    ]
    right = columns[1:]
    if options.require:
        columns = [*columns, "required", ""]
        right = [*right, "required"]
        for line, (*_, bar, met) in zip(shown, rows, strict=True):
            line.append("" if bar is None else f"{bar:g}")
            line.append({None: "", True: "met", False: "MISSED"}[met])
    print_table(columns, shown, right=right)
    seen = "may be recommended" if options.keep_seen else "are masked and dropped from the truth"
    print(f"full catalogue; items seen in training {seen}")
