"""Events through the door: JSON objects and frames checked a second, beside plain public ways.

    .venv/bin/python benchmarks/events.py [--rows 1000000] [--rounds 3]

One process, one thread, sides in turns; the best round of each. "read" is the core alone, "parse
only" is what a public parser takes to make Python objects of the same bytes and check nothing,
"jsonschema" a public validator with the exported schema.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import jsonschema
import numpy as np
import pyarrow as pa

import penchant as pn

ITEMS = 20_000
SUBJECTS = 100_000


def made_events(rows: int) -> list[bytes]:
    """Views, carts and purchases of two lines, as a shop's tracker would send them."""
    rng = np.random.default_rng(7)
    kinds = rng.choice(["page_view", "add_to_cart", "purchase"], rows, p=[0.8, 0.12, 0.08])
    out = []
    for at, kind in enumerate(kinds):
        one = {
            "event_id": f"{at:032x}",
            "type": kind,
            "time": f"2026-11-{1 + at % 28:02d}T{at % 24:02d}:15:00.250Z",
            "subject": f"customer-{rng.integers(SUBJECTS)}",
            "identifiers": {"cookie": f"{rng.integers(1 << 40):x}"},
            "context": {"device": "phone", "page": "/sale"},
        }
        item, price = f"sku-{rng.integers(ITEMS)}", round(float(rng.random() * 90), 2)
        if kind == "purchase":
            lines = [{"item": item, "quantity": 2, "price": price}, {"item": "sku-1", "price": 3.5}]
            one["fields"] = {"order_id": f"o-{at}", "currency": "EUR", "lines": lines}
        elif kind == "add_to_cart":
            one |= {"item": item, "fields": {"quantity": 1, "price": price, "currency": "EUR"}}
        else:
            one |= {"item": item, "fields": {"category": "garden", "url": "/p/1?x=2"}}
        out.append(json.dumps(one).encode())
    return out


def made_frame(rows: int) -> pa.Table:
    """Lines of orders, eight columns."""
    rng = np.random.default_rng(8)
    subjects = pa.array([f"customer-{i}" for i in range(SUBJECTS)])
    items = pa.array([f"sku-{i}" for i in range(ITEMS)])
    return pa.table(
        {
            "type": pa.array(["purchase"] * rows),
            "time": pa.array(np.sort(rng.integers(1.7e15, 1.78e15, rows)), pa.timestamp("us")),
            "subject": subjects.take(pa.array(rng.integers(0, SUBJECTS, rows))),
            "item": items.take(pa.array(rng.integers(0, ITEMS, rows))),
            "order_id": pa.array(np.arange(rows) // 4),
            "quantity": pa.array(rng.integers(1, 9, rows)),
            "price": pa.array(np.round(rng.random(rows) * 90, 2)),
            "currency": pa.array(["EUR"] * rows),
        }
    )


def turns(sides: dict[str, tuple[int, Callable[[], int]]], rounds: int) -> None:
    """Run the sides in turns and print what each does a second, and what it counted."""
    best = dict.fromkeys(sides, float("inf"))
    counted = {}
    for _ in range(rounds):
        for name, (_, act) in sides.items():
            begin = time.perf_counter()
            counted[name] = act()
            best[name] = min(best[name], time.perf_counter() - begin)
    for name, (size, _) in sides.items():
        print(f"{name:44s} {size / best[name] / 1e6:9.3f} million/s   counted {counted[name]:,}")


def main() -> None:
    """Make both, check both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    taxonomy = pn.events.Taxonomy.default()
    events = made_events(options.rows // 5)
    lines = b"\n".join(events)
    few = events[:2000]
    validators = {
        name: jsonschema.Draft202012Validator(taxonomy.json_schema(name)) for name in taxonomy.types
    }

    def with_jsonschema() -> int:
        parsed = [json.loads(one) for one in few]
        return sum(validators[one["type"]].is_valid(one) for one in parsed)

    print(f"{len(events):,} events as JSON, {len(lines) / len(events):.0f} bytes each")
    turns(
        {
            "check_lines, into columns": (
                len(events),
                lambda: taxonomy.check_lines(lines).table.events,
            ),
            "json.loads, parse only": (
                len(events),
                lambda: len([json.loads(one) for one in events]),
            ),
            "json.loads and jsonschema": (len(few), with_jsonschema),
        },
        options.rounds,
    )
    table = made_frame(options.rows)
    pandas = table.to_pandas()
    coded = table.set_column(2, "subject", table["subject"].dictionary_encode())
    coded = coded.set_column(3, "item", table["item"].dictionary_encode())
    print(f"{options.rows:,} rows of {table.num_columns} columns")
    turns(
        {
            "check of an Arrow table": (options.rows, lambda: len(taxonomy.check(table))),
            "the same, ids as dictionaries": (options.rows, lambda: len(taxonomy.check(coded))),
            "check of a pandas frame": (options.rows, lambda: len(taxonomy.check(pandas))),
        },
        options.rounds,
    )
    checked = taxonomy.check(table)
    seen = pn.events.Deduplicator(horizon="7d")
    many = taxonomy.check_lines(lines)
    turns(
        {
            "sessions of the rows": (
                options.rows,
                lambda: checked.table.sessions(1_800_000_000)[3],
            ),
            "event ids told new from seen": (len(events), lambda: len(seen.fold_all(many))),
        },
        1,
    )
    print(f"{seen.bytes / max(len(seen), 1):.0f} bytes an id of 32 characters")


if __name__ == "__main__":
    main()
