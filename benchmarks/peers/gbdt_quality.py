"""Boosted trees against LightGBM's and XGBoost's: losses on held-out rows of many kinds.

    .venv/bin/python benchmarks/peers/gbdt_quality.py [--kinds dense counts]
    .venv/bin/python benchmarks/peers/gbdt_quality.py --quick    # a fifth of the rows, two seeds

Made tasks of many kinds (`gbdt_kinds.py`), each drawn anew for each seed. All sides get the same
rows and parameters: 255 bins, 100 trees of 63 leaves, learning rate .1, l2 1, 20 rows a leaf (which
XGBoost does not know). They hand back raw scores of held-out rows and are judged by one function.
Differences are paired by seed, with 95 % intervals by Student's t. Prints a table and updates the
kinds that ran in `benchmarks/results/gbdt_quality.json`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import environments
import numpy as np
from gbdt_kinds import KINDS, Kind

RESULTS = environments.ROOT / "benchmarks" / "results" / "gbdt_quality.json"
SIDES = {"penchant": None, "lightgbm": "forests", "xgboost": "forests"}
SETTING = {
    "trees": 100,
    "leaves": 63,
    "bins": 255,
    "learning_rate": 0.1,
    "l2": 1.0,
    "min_leaf_samples": 20,
}
# Student's t, 97.5 %, by degrees of freedom.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179)


def interval(values: list[float]) -> list[float]:
    """Mean, and the ends of its interval."""
    mean = float(np.mean(values))
    freedom = min(len(values) - 1, len(STUDENT))
    half = STUDENT[freedom - 1] * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return [mean, mean - half, mean + half]


def write(kind: Kind, folder: Path, seed: int, rows: int, held_out: int) -> np.ndarray:
    """Keep one draw in a folder; return the labels of the held-out rows."""
    folder.mkdir()
    X, y, weight = kind.make(np.random.default_rng([seed, 0]), rows)
    np.save(folder / "X.npy", X)
    np.save(folder / "y.npy", y)
    if weight is not None:
        np.save(folder / "weight.npy", weight)
    held, truth, _ = kind.make(np.random.default_rng([seed, 1]), held_out)
    np.save(folder / "held.npy", held)
    return truth


def compare(kind: Kind, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Run every side on every seed."""
    seeds = list(range(options.seeds or kind.draws))
    setting = {
        **SETTING,
        "objective": kind.objective,
        "categorical": list(kind.categorical),
        "seeds": seeds,
        "threads": options.threads,
    }
    found: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        truths = [
            write(kind, folder / str(seed), seed, options.rows, options.held_out) for seed in seeds
        ]
        for side in options.sides:
            environments.run(
                SIDES[side], "gbdt_quality_side.py", side, folder, json.dumps(setting),
                threads=options.threads,
            )  # fmt: skip
            found[side] = [
                kind.judge(truth, np.load(folder / str(seed) / f"{side}.npy").astype(np.float64))
                for seed, truth in zip(seeds, truths, strict=True)
            ]
    rows = []
    for side, judged in found.items():
        row: dict[str, Any] = {"side": side}
        for name in judged[0]:
            row[name] = float(np.mean([one[name] for one in judged]))
            if side != "penchant":
                pairs = zip(found["penchant"], judged, strict=True)
                row[f"ours_less_{name}"] = interval([a[name] - b[name] for a, b in pairs])
        rows.append(row)
    return rows


def show(kind: str, row: dict[str, Any]) -> None:
    cells = []
    for name in ("loss", "auc"):
        if name in row:
            cells.append(f"{row[name]:>10.5f}")
        if f"ours_less_{name}" in row:
            mean, low, high = row[f"ours_less_{name}"]
            cells.append(f"{mean:>+9.5f} [{low:+.5f}, {high:+.5f}]")
        else:
            cells.append(" " * 30)
    print(f"{kind:<12}{row['side']:<10}" + " ".join(cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=list(KINDS))
    parser.add_argument("--sides", nargs="*", choices=SIDES, default=list(SIDES))
    parser.add_argument("--seeds", type=int, help="from 2 up, instead of each kind's own number")
    parser.add_argument("--rows", type=int, default=60_000, help="to learn from")
    parser.add_argument("--held-out", type=int, default=200_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--quick", action="store_true", help="a look while working; writes nothing")
    options = parser.parse_args()
    options.sides = ["penchant", *(side for side in options.sides if side != "penchant")]
    if options.quick:
        options.rows, options.seeds = options.rows // 5, 2
    print(
        f"{options.rows} rows; loss and AUC, in brackets the interval of Penchant's less the side's"
    )
    for name in options.kinds:
        results = compare(KINDS[name], options)
        for row in results:
            show(name, row)
        if options.quick or set(options.sides) != set(SIDES):
            continue
        kept = json.loads(options.output.read_text()) if options.output.exists() else {}
        kept[name] = {
            "date": time.strftime("%Y-%m-%d"), "rows": options.rows, "held_out": options.held_out,
            "seeds": options.seeds or KINDS[name].draws, "objective": KINDS[name].objective,
            "setting": SETTING,
            "packages": environments.sections()["forests"], "results": results,
        }  # fmt: skip
        options.output.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
