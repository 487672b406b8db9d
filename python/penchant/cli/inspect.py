"""``penchant inspect``: what a bundle is made of and where it comes from."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from ._table import emphasize, print_table

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "inspect", parents=parents, help="show a bundle's lineage, sizes, checksums and goldens"
    )
    parser.add_argument("bundle")
    parser.add_argument("--json", action="store_true", help="everything, as one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what `penchant.inspect` says."""
    import penchant

    facts = penchant.inspect(options.bundle)
    if options.json:
        print(json.dumps(facts, indent=2, sort_keys=True, default=str))
        return 0
    sections = facts.get("sections") or []
    width = max((len(name) for name, _ in _flat(facts)), default=0)
    for name, value in _flat(facts):
        print(f"{name.ljust(width)}  {value}")
    print()
    print(emphasize(f"{len(sections)} sections"))
    print_table(
        ["section", "type", "shape", "bytes", "xxh3"],
        [
            [
                section["name"],
                section["dtype"],
                " × ".join(str(size) for size in section["shape"]),
                f"{section['bytes']:,}",
                section["xxh3"],
            ]
            for section in sections
        ],
        right=("bytes",),
    )
    return 0


def _flat(facts: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted names and short values of everything but the sections."""
    for name, value in facts.items():
        if not prefix and name == "sections":
            continue
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for i, part in enumerate(value):
                yield from _flat(part, f"{prefix}{name}.{i}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            yield f"{prefix}{name}", text if len(text) <= 120 else text[:119] + "…"
