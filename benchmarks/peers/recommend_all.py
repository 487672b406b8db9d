"""Top 20 for everyone, seen items masked: Penchant against implicit, same factors, in one run.

    .venv/bin/python benchmarks/peers/recommend_all.py [--rounds 3] [--threads 2]

The sides take turns, each time in a process of its own, and their lists are compared. Also the time
for one person. Prints a table and writes `benchmarks/results/recommend_all.json`.
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
import numpy as np

RESULTS = environments.ROOT / "benchmarks" / "results" / "recommend_all.json"
SIDES = ("penchant", "implicit")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
    parser.add_argument("--repeats", type=int, default=2, help="times for everyone, a turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--subjects", type=int, default=30_000)
    parser.add_argument("--items", type=int, default=40_000)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    machine = environments.machine()
    print(f"{machine['cpu']}, {machine['cores']} cores, {options.threads} threads a side")
    size = factor_task.Size(options.subjects, options.items)
    setting = json.dumps({"threads": options.threads, "repeats": options.repeats})
    times: dict[str, dict[str, list[float]]] = {side: {} for side in SIDES}
    lists: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        counts = factor_task.prepare(folder, size, options.threads)
        print(", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in counts.items()))
        for turn in range(options.rounds):
            for side in SIDES if turn % 2 == 0 else SIDES[::-1]:
                output = environments.run(
                    None if side == "penchant" else side, "recommend_all_side.py", side, folder,
                    folder / f"{side}.npy", setting, threads=options.threads,
                )  # fmt: skip
                for what, seconds in json.loads(output.splitlines()[-1]).items():
                    times[side].setdefault(what, []).extend(seconds)
                lists[side] = np.load(folder / f"{side}.npy")
    # implicit sums in another order: near ties may change places.
    same = float(np.mean(lists["penchant"] == lists["implicit"]))
    if same < 0.999:
        raise SystemExit(f"the lists agree in {same:.2%} of their places only")
    middle: dict[str, dict[str, Any]] = {
        side: {what: median(seconds) for what, seconds in each.items()}
        for side, each in times.items()
    }
    people = counts["subjects"]
    print("{:<10}{:>12}{:>14}{:>16}".format("side", "everyone", "people/s", "one person"))
    for side in SIDES:
        each = middle[side]
        print(
            f"{side:<10}{each['all']:>10.2f} s{people / each['all']:>14,.0f}"
            f"{1e3 * each['one']:>13.3f} ms"
            + (f", {1e3 * each['one_core']:.3f} without the frame" if "one_core" in each else "")
        )
    ratio = middle["implicit"]["all"] / middle["penchant"]["all"]
    print(f"ratio {ratio:.2f} for everyone; the lists agree in {same:.4%} of their places")
    report = {
        "machine": machine,
        "date": time.strftime("%Y-%m-%d"),
        "threads": options.threads,
        "rounds": options.rounds,
        "task": counts,
        "implicit": environments.sections()["implicit"],
        "seconds": middle,
        "spread": {
            side: {what: [min(s), max(s)] for what, s in each.items()}
            for side, each in times.items()
        },
        "ratio": ratio,
        "one_ratio": middle["implicit"]["one"] / middle["penchant"]["one"],
        "same_places": same,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written: {options.output}")


if __name__ == "__main__":
    main()
