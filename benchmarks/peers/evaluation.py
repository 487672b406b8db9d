"""Seconds of a full-ranking evaluation: Penchant against a plain compiled loop, implicit, irspack.

    .venv/bin/python benchmarks/peers/evaluation.py [--rounds 3] [--threads 2]

All sides rank the same catalogue by the same factors with the same pairs masked, taking turns,
each time in a process of its own; their values must agree. Penchant's seconds are those of the
values, as the others compute them; `whole` adds the truth's reading and the intervals. Prints a
table and writes `benchmarks/results/evaluation.json`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import environments
import factor_task

RESULTS = environments.ROOT / "benchmarks" / "results" / "evaluation.json"
SIDES = {False: ("penchant", "plain", "implicit", "irspack"), True: ("penchant", "plain")}
HOME = {"penchant": None, "plain": None, "implicit": "implicit", "irspack": "irspack"}
# The plain loop's float sums are not those that are served: a few near ties fall otherwise.
# implicit's NDCG divides by another ideal where a list is shorter than the truth.
TOLERANCE = {"plain": 2e-4, "implicit": 5e-3, "irspack": 2e-4}


def compare(folder: Path, auc: bool, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Run the sides in turns; return a row each."""
    seconds: dict[str, list[float]] = {side: [] for side in SIDES[auc]}
    whole: list[float] = []
    values: dict[str, dict[str, float]] = {}
    setting = json.dumps({"auc": auc, "threads": options.threads, "repeats": options.repeats})
    for turn in range(options.rounds):
        for side in SIDES[auc] if turn % 2 == 0 else SIDES[auc][::-1]:
            output = environments.run(
                HOME[side], "evaluation_side.py", side, folder, setting, threads=options.threads
            )
            answer = json.loads(output.splitlines()[-1])
            seconds[side] += answer["seconds"]
            whole += answer.get("whole", [])
            values[side] = answer["values"]
    ours = values["penchant"]
    for side, theirs in values.items():
        for metric, value in theirs.items():
            if abs(value - ours[metric]) > TOLERANCE.get(side, 0):
                raise SystemExit(f"{side} says {metric} {value}, Penchant {ours[metric]}")
    middle = {side: median(each) for side, each in seconds.items()}
    return [
        {
            "auc": auc,
            "side": side,
            "seconds": middle[side],
            "spread": [min(each), max(each)],
            "ratio": middle[side] / middle["penchant"],
            "values": values[side],
            **({"whole": median(whole)} if side == "penchant" else {}),
        }
        for side, each in seconds.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
    parser.add_argument("--repeats", type=int, default=2, help="evaluations a turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--subjects", type=int, default=30_000)
    parser.add_argument("--items", type=int, default=40_000)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    machine = environments.machine()
    print(f"{machine['cpu']}, {machine['cores']} cores, {options.threads} threads a side")
    size = factor_task.Size(options.subjects, options.items)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        counts = factor_task.prepare(folder, size, options.threads)
        print(", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in counts.items()))
        print("{:<26}{:<10}{:>9}{:>8}  values".format("metrics", "side", "seconds", "ratio"))
        for auc in (False, True):
            for row in compare(folder, auc, options):
                rows.append(row)
                told = ", ".join(f"{metric} {value:.5f}" for metric, value in row["values"].items())
                metrics = "recall@20, ndcg@20" + (", auc" if auc else "")
                whole = f"; whole {row['whole']:.2f} s" if "whole" in row else ""
                figures = f"{row['seconds']:>9.2f}{row['ratio']:>8.2f}"
                print(f"{metrics:<26}{row['side']:<10}{figures}  {told}{whole}", flush=True)
    print("ratio: the side's seconds over Penchant's; above 1 Penchant is faster")
    report = {
        "machine": machine,
        "date": time.strftime("%Y-%m-%d"),
        "threads": options.threads,
        "rounds": options.rounds,
        "repeats": options.repeats,
        "task": counts,
        "peers": {name: environments.sections()[name] for name in ("implicit", "irspack")},
        "rows": rows,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written: {options.output}")


if __name__ == "__main__":
    main()
