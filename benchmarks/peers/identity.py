"""Seconds to unite a million identifiers from a frame, against the plain union of public libraries.

    .venv/bin/python benchmarks/peers/identity.py [--identifiers 1000000] [--rounds 3]

All sides get the same records: a login, an email and a cookie, a column each, some missing.
Penchant reads, normalizes and hashes them, keeps every link and applies its rules; the peers
factorize the texts with pandas, unite all that a record has and label the components. Here the
rules are off (no limit, no weak or shared identifier), so that all sides must find the same
components; what the rules and a key cost is shown beside it. Sides take turns, each time in a
process of its own. Prints a table and writes `benchmarks/results/identity.json`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import environments
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

RESULTS = environments.ROOT / "benchmarks" / "results" / "identity.json"
SIDES = (
    "penchant pandas",
    "penchant polars",
    "penchant pyarrow",
    "penchant pyarrow rules",
    "penchant pyarrow rules key",
    "scipy",
    "igraph",
    "networkx",
)
PLAIN = ("penchant pandas", "penchant polars", "penchant pyarrow", "scipy", "igraph", "networkx")


def prepare(folder: Path, identifiers: int) -> int:
    """Write the records: people with a login or none, an email or two, cookies; return how many."""
    rng = np.random.default_rng(0)
    people = identifiers // 4
    rows = round(identifiers * 1.2)
    person = np.concatenate([np.arange(people), rng.integers(0, people, rows - people)])
    cookie = rng.integers(0, 3, rows)
    email = rng.random(rows) < 0.2
    shown = rng.random((rows, 2))
    rng.shuffle(person)
    start = np.datetime64("2026-01-01", "us").astype(np.int64)
    table = pa.table(
        {
            "event_id": pa.array([f"e{number}" for number in range(rows)]),
            "time": pa.array(start + np.arange(rows) * 1_000_000).cast(pa.timestamp("us")),
            "login": pa.array(
                [f"u{p}" if s < 0.6 else None for p, s in zip(person, shown[:, 0], strict=True)]
            ),
            "email": pa.array(
                [
                    f"person{p}.{int(e)}@example.com" if s < 0.5 else None
                    for p, e, s in zip(person, email, shown[:, 1], strict=True)
                ]
            ),
            "cookie": pa.array([f"c-{p:x}-{c}" for p, c in zip(person, cookie, strict=True)]),
        }
    )
    pq.write_table(table, folder / "records.parquet")
    return rows


def home(side: str) -> str | None:
    """Name the environment of a side."""
    return None if side.startswith("penchant") else "identity"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
    parser.add_argument("--identifiers", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sides", nargs="*", default=list(SIDES))
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    machine = environments.machine()
    print(f"{machine['cpu']}, {machine['cores']} cores, {options.threads} threads")
    seconds: dict[str, list[float]] = {side: [] for side in options.sides}
    answers: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = prepare(folder, options.identifiers)
        for turn in range(options.rounds):
            for side in options.sides if turn % 2 == 0 else options.sides[::-1]:
                output = environments.run(
                    home(side), "identity_side.py", side, folder, threads=options.threads
                )
                answers[side] = json.loads(output.splitlines()[-1])
                seconds[side].append(answers[side]["seconds"])
    plain = {side: answers[side]["components"] for side in options.sides if side in PLAIN}
    checks = {side: answers[side]["check"] for side in options.sides if side in PLAIN}
    if len(set(plain.values())) > 1 or len(set(checks.values())) > 1:
        raise SystemExit(f"components differ: {plain}, {checks}")
    one = answers[options.sides[0]]
    print(f"{rows:,} records, {one['identifiers']:,} identifiers")
    print(f"{'side':<28}{'seconds':>9}{'subjects':>11}{'bytes/identifier':>18}")
    for side in options.sides:
        answer = answers[side]
        held = f"{answer['bytes'] / answer['identifiers']:.0f}" if "bytes" in answer else ""
        print(f"{side:<28}{median(seconds[side]):>9.2f}{answer['components']:>11,}{held:>18}")
    report = {
        "machine": machine,
        "threads": options.threads,
        "records": rows,
        "sides": {
            side: {**answers[side], "seconds": median(seconds[side]), "runs": seconds[side]}
            for side in options.sides
        },
    }
    options.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
