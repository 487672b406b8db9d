"""``penchant events check``: which of a file's events pass their schemas, and why others don't."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidArgumentError
from . import _events
from ._table import print_table

if TYPE_CHECKING:
    from ..events import Checked, Mapping, Taxonomy

__all__ = ["add_parser", "run"]

_EXAMPLE = """\
examples:
  penchant events check events.jsonl
  penchant events check log.parquet --type purchase --column subject=customer --column item=sku
  penchant events check tracker.jsonl --mapping segment --max-rejected 0.001

exit code: 0 when no more than --max-rejected are set aside, 1 when more are, 2 when the question
made no sense.
"""
_LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to 1")
    return share


def _column(text: str) -> tuple[str, str]:
    member, equals, column = text.partition("=")
    if not equals or not member or not column:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form MEMBER=COLUMN")
    return member, column


def add_parser(subparsers: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("events", parents=parents, help="check events against schemas")
    commands = parser.add_subparsers(dest="events_command", metavar="command", required=True)
    check = commands.add_parser(
        "check",
        parents=parents,
        help="count events by type, and those set aside by reason",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("file", help="Parquet, CSV, or JSON lines (.jsonl)")
    check.add_argument(
        "--taxonomy", metavar="YAML", help="further types, and others in the place of built-in ones"
    )
    check.add_argument("--mapping", metavar="NAME", help="segment, snowplow, or a YAML file")
    check.add_argument("--type", metavar="TYPE", help="of all rows, where no column says it")
    check.add_argument(
        "--column",
        action="append",
        default=[],
        type=_column,
        metavar="MEMBER=COLUMN",
        help="what the file calls a member of an event; may be given again",
    )
    check.add_argument(
        "--time-unit", default="s", metavar="UNIT", help="of times that are numbers: s, ms, us, ns"
    )
    check.add_argument("--received", metavar="TIME", help="when all of it came")
    check.add_argument(
        "--max-rejected",
        default=0.0,
        type=_share,
        metavar="SHARE",
        help="of the events, that may be set aside; 0 by default",
    )
    check.add_argument("--quarantine", metavar="FILE", help="write what is set aside, as Parquet")
    check.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    check.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check, print, judge."""
    checked = _checked(options)
    total = _total(checked)
    share = checked.rejected / total if total else 0.0
    if options.quarantine:
        import pyarrow as pa
        import pyarrow.parquet as parquet

        frame = checked.quarantine
        table = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame)
        parquet.write_table(table, options.quarantine)
    if options.json:
        print(
            json.dumps(
                {
                    "file": str(options.file),
                    "rows": checked.types,
                    "rejected": checked.counts,
                    "rejected_share": share,
                    "dropped_values": checked.dropped,
                }
            )
        )
    else:
        _print(checked, share)
    return 1 if share > options.max_rejected else 0


def _total(checked: Checked) -> int:
    return checked.table.events + checked.rejected


def _taxonomy(options: argparse.Namespace) -> Taxonomy:
    from ..events import Taxonomy

    return Taxonomy.from_yaml(Path(options.taxonomy)) if options.taxonomy else Taxonomy.default()


def _mapping(options: argparse.Namespace) -> Mapping | None:
    from ..events import Mapping, mapping

    if options.mapping is None:
        return None
    if options.mapping.endswith((".yaml", ".yml")):
        return Mapping.from_yaml(Path(options.mapping))
    return mapping(options.mapping)


def _checked(options: argparse.Namespace) -> Checked:
    taxonomy, path = _taxonomy(options), Path(options.file)
    if path.name.lower().endswith(_LINES):
        for name in ("type", "column"):
            if getattr(options, name):
                raise InvalidArgumentError(f"--{name} is for tables; JSON lines say it themselves")
        data: Any = path
        if path.suffix == ".gz" and path.is_file():
            import gzip

            data = gzip.decompress(path.read_bytes())
        return taxonomy.check_lines(
            data, mapping=_mapping(options), received=options.received, format="pyarrow"
        )
    if options.mapping is not None:
        raise InvalidArgumentError("--mapping is for JSON lines; of a table name the --column")
    return taxonomy.check(
        _events.read_table(path),
        type=options.type,
        columns=dict(options.column),
        received=options.received,
        time_unit=options.time_unit,
    )


def _print(checked: Checked, share: float) -> None:
    rows = sorted(checked.types.items(), key=lambda one: (-one[1], one[0]))
    print_table(["type", "rows"], [(name, f"{count:,}") for name, count in rows], right=["rows"])
    if checked.counts:
        print()
        reasons = [(reason, f"{count:,}") for reason, count in checked.counts.items()]
        print_table(["set aside", "events"], reasons, right=["events"])
        print(f"first: {checked.messages[0]}")
    print(f"{checked.rejected:,} of {_total(checked):,} set aside ({share:.4%})")
    if checked.dropped:
        print(f"{checked.dropped:,} values left out, as their schemas want it")
