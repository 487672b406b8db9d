"""Event files for the command line: CSV and Parquet, and which column is what."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadDataError, InvalidArgumentError, NotFoundError

if TYPE_CHECKING:
    from ..data.dataset import Dataset

__all__ = ["ROLES", "add_role_arguments", "dataset_from", "read_table", "roles_from"]

# Role of Dataset.from_events -> what its column is called when nothing else is said.
ROLES: dict[str, str | None] = {
    "subject": "subject",
    "item": "item",
    "time": "time",
    "type": None,
    "value": None,
    "item_name": None,
}


def read_table(path: str | Path) -> Any:
    """Read a CSV (``.csv``, ``.csv.gz``, ``.tsv``) or Parquet file into a pyarrow table.

    Empty fields of a CSV are nulls. Raises NotFoundError or BadDataError with the file's name.
    """
    import pyarrow as pa
    import pyarrow.csv as csv
    import pyarrow.parquet as parquet

    path = Path(path)
    if not path.is_file():
        raise NotFoundError(f"{path}: no such file")
    suffixes = "".join(path.suffixes[-2:]).lower()
    try:
        if suffixes.endswith((".parquet", ".pq")):
            return parquet.read_table(path)
        if suffixes.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt")):
            return csv.read_csv(
                path,
                parse_options=csv.ParseOptions(delimiter="\t" if ".tsv" in suffixes else ","),
                convert_options=csv.ConvertOptions(strings_can_be_null=True),
            )
    except pa.ArrowException as error:
        raise BadDataError(f"{path}: {error}") from error
    raise InvalidArgumentError(f"{path}: neither .csv, .csv.gz, .tsv nor .parquet")


def add_role_arguments(parser: argparse.ArgumentParser, *, defaults_from: str) -> None:
    """Add --subject, --item and the other options that name columns."""
    group = parser.add_argument_group(f"columns (by default: {defaults_from})")
    helps = {
        "subject": "who: customer, visitor",
        "item": "what: product, page",
        "time": "when; 'none' for a log without times",
        "type": "kind of event",
        "value": "how much: quantity, rating",
        "item_name": "the item's name for people",
    }
    for role, text in helps.items():
        group.add_argument(f"--{role.replace('_', '-')}", metavar="COLUMN", help=text)


def roles_from(options: argparse.Namespace, defaults: Mapping[str, str | None]) -> dict[str, Any]:
    """Return role -> column (or None) from the options and, where they are silent, `defaults`."""
    roles: dict[str, Any] = {}
    for role in ROLES:
        given = getattr(options, role, None)
        roles[role] = given if given is not None else defaults.get(role)
    if roles["time"] in {"none", ""}:
        roles["time"] = None
    return roles


def dataset_from(
    path: str | Path,
    roles: Mapping[str, str | None],
    *,
    half_life: str | None = None,
    type_weights: Mapping[str, float] | None = None,
) -> Dataset:
    """Read a file of events and clean it into a Dataset.

    Raises
    ------
    InvalidArgumentError
        When a column is not in the file; the message lists those that are.
    """
    from ..data.dataset import Dataset

    table = read_table(path)
    for role, column in roles.items():
        if column is not None and column not in table.column_names:
            raise InvalidArgumentError(
                f"{path} has no column {column!r} for --{role.replace('_', '-')}; "
                f"it has {', '.join(table.column_names)}"
            )
    named: dict[str, Any] = {role: name for role, name in roles.items() if name is not None}
    # A log without times says so: the method's own default is a column called "time".
    named.setdefault("time", None)
    return Dataset.from_events(table, half_life=half_life, type_weights=type_weights, **named)


def columns_of_bundle(path: str | Path) -> dict[str, str | None]:
    """Return the columns a bundle was trained from, as its lineage tells; else the defaults."""
    from ..bundle import inspect

    lineage = inspect(path).get("lineage") or {}
    if isinstance(lineage, str):
        lineage = json.loads(lineage)
    columns = lineage.get("columns") or (lineage.get("data") or {}).get("columns")
    return dict(columns) if columns else dict(ROLES)
