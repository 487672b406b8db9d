"""``penchant train``: a table of events in, a bundle out."""

from __future__ import annotations

import argparse
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidArgumentError, NotFoundError
from . import _events

if TYPE_CHECKING:
    from ..pipeline import Pipeline

__all__ = ["add_parser", "pipeline_from_config", "run", "type_weight"]

_EXAMPLE = """\
example:
  penchant train events.csv --subject customer --item sku --time ts --item-name description \\
      --out shop.penchant

A --config file is TOML and lists the candidate sources by their Python names:
  [[sources]]
  model = "ALS"
  factors = 128
  [[sources]]
  model = "Popular"
  window = "28d"
  [ranker]
  model = "GBDTRanker"
  leaves = 15
"""


def add_parser(subparsers: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "train",
        parents=parents,
        help="train a funnel on a table of events and save it as a bundle",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("events", help="CSV or Parquet, one row an event")
    parser.add_argument("--out", required=True, metavar="FILE", help="the bundle to write")
    parser.add_argument("--half-life", metavar="TIME", help="weigh events by age, e.g. 60d")
    parser.add_argument(
        "--type-weight",
        action="append",
        default=[],
        type=type_weight,
        metavar="TYPE=NUMBER",
        help="what one event of a type counts, e.g. cart=0.3; may be given again",
    )
    parser.add_argument("--config", metavar="TOML", help="the funnel's sources and parameters")
    parser.add_argument(
        "--ranker",
        action="store_true",
        help="learn a ranker for the best of the candidates, with parameters that suit most logs",
    )
    parser.add_argument("--quarantine", metavar="FILE", help="write refused rows here, as CSV")
    parser.add_argument("--quiet", action="store_true", help="no progress bars, no report")
    _events.add_role_arguments(parser, defaults_from="subject, item, time")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train and save."""
    start = time.monotonic()
    roles = _events.roles_from(options, _events.ROLES)
    data = _events.dataset_from(
        options.events,
        roles,
        half_life=options.half_life,
        type_weights=dict(options.type_weight) or None,
    )
    report = sys.stderr if not options.quiet else None
    if report:
        print(repr(data), file=report)
    if options.quarantine:
        write_csv(data.quarantine, options.quarantine)
    pipeline = pipeline_from_config(options.config)
    if options.ranker and pipeline.ranker is None:
        from .._default_funnel import default_ranker

        pipeline.set_params(ranker=default_ranker())
    pipeline.fit(data, progress=False if options.quiet else None)
    pipeline.save(options.out)
    if report:
        if "ranker" in pipeline.validation_:
            print(ranker_line(pipeline.validation_["ranker"]), file=report)
        size = Path(options.out).stat().st_size
        seconds = time.monotonic() - start
        print(f"saved {options.out} ({size / 1e6:.1f} MB) in {seconds:.1f} s", file=report)
    return 0


def ranker_line(facts: dict[str, Any]) -> str:
    """What a ranker learned from, in a line."""
    if "trees" not in facts:
        return (
            f"ranker: {facts['groups']} people to learn from are too few; the blend's order stands"
        )
    line = f"ranker: {facts['trees']} trees from {facts['groups']:,} lists"
    if "held_out" in facts:
        held = facts["held_out"]
        line += (
            f"; NDCG@10 on {held['groups']:,} held out {held['ndcg@10']:.4f}, "
            f"of the blend {held['ndcg@10_blend']:.4f}"
        )
    return line


def type_weight(text: str) -> tuple[str, float]:
    """Read ``cart=0.3``."""
    name, equals, number = text.partition("=")
    try:
        return name.strip(), float(number if equals else "")
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form TYPE=NUMBER") from None


def write_csv(table: Any, path: str | Path) -> None:
    """Write a pyarrow table (or another frame) as CSV."""
    import narwhals as nw
    import pyarrow.csv as csv

    csv.write_csv(nw.from_native(table, eager_only=True).to_arrow(), path)


def pipeline_from_config(path: str | Path | None) -> Pipeline:
    """Make the pipeline that a TOML file describes, the default one without a file.

    Raises
    ------
    NotFoundError, InvalidArgumentError
        With the file's name and the entry at fault.
    """
    import penchant

    if path is None:
        return penchant.Pipeline()
    path = Path(path)
    if not path.is_file():
        raise NotFoundError(f"{path}: no such file")
    try:
        config = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InvalidArgumentError(f"{path}: {error}") from error
    sources = [
        _made(f"{path}: source {number}", entry)
        for number, entry in enumerate(config.pop("sources", []), start=1)
    ]
    pipeline_parameters = config.pop("pipeline", {})
    if "ranker" in config:
        pipeline_parameters["ranker"] = _made(f"{path}: [ranker]", config.pop("ranker"))
    if config:
        raise InvalidArgumentError(f"{path}: unknown table {next(iter(config))!r}")
    try:
        if sources:
            return penchant.Pipeline(sources=sources, **pipeline_parameters)
        return penchant.Pipeline(**pipeline_parameters)
    except TypeError as error:
        raise InvalidArgumentError(f"{path}: [pipeline]: {error}") from error


def _made(where: str, entry: dict[str, Any]) -> Any:
    """The model that an entry names, with its parameters."""
    import penchant

    parameters = dict(entry)
    name = parameters.pop("model", None)
    model = getattr(penchant, name, None) if isinstance(name, str) else None
    if not (isinstance(model, type) and hasattr(model, "fit")) or name == "Pipeline":
        raise InvalidArgumentError(f"{where}: no model is called {name!r}")
    try:
        return model(**parameters)
    except TypeError as error:
        raise InvalidArgumentError(f"{where} ({name}): {error}") from error
