"""Seconds a request: Penchant's forests against LightGBM, XGBoost, CatBoost and YDF.

    .venv/bin/python benchmarks/peers/forest_scoring.py            # mostly training, once
    .venv/bin/python benchmarks/peers/forest_scoring.py --quick    # 100 trees, fewer requests

Trains one model of 500 trees of 64 leaves over 64 features with each library (CatBoost's are
symmetric, of depth 6), and shallow and deep ones with LightGBM. LightGBM's model is read into a
Forest, so that these two score the same trees, and their largest difference is printed. All run in
one process, one thread each, in turns, called from Python, with the same rows; a turn counts by the
best of three calls, so that caches are warm for each, and the figure is the median of all turns.
YDF is measured by its own benchmark, without Python. Writes
`benchmarks/results/forest_scoring.json`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import environments

RESULTS = environments.ROOT / "benchmarks" / "results" / "forest_scoring.json"
KEPT = environments.ROOT / "build" / "peers" / "forest_models"
NAMES = {
    "lightgbm": "LightGBM, C API",
    "lightgbm_row": "LightGBM, fast single row",
    "xgboost": "XGBoost",
    "catboost": "CatBoost, symmetric",
    "ydf": "YDF, its engine alone",
}


def show(title: str, table: dict[str, dict[str, float]]) -> None:
    print(f"\n{title}")
    for rows, sides in table.items():
        ours = sides["penchant"]
        print(
            f"  {rows:>6} rows  penchant {ours * 1e6:10.1f} us ({ours * 1e6 / int(rows):.2f} a row)"
        )
        for side, seconds in sides.items():
            if side in NAMES:
                print(f"      {NAMES[side]:28} {seconds * 1e6:10.1f} us   x {seconds / ours:5.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="100 trees and fewer requests")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each side and size")
    options = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    answer = KEPT / "answer.json"
    setting = {
        "quick": options.quick,
        "seconds": 0.1 if options.quick else options.seconds,
        "package": str(environments.ROOT / "python"),
        "kept": str(KEPT),
    }
    environments.run("forests", "forest_scoring_side.py", json.dumps(setting), answer, threads=1)
    found = json.loads(answer.read_text())
    for title, table in found["tables"].items():
        show(title, table)
    print(f"\nlargest difference from LightGBM's scores: {found['difference']:.1e}")
    if not options.quick:
        RESULTS.parent.mkdir(exist_ok=True)
        found["machine"] = environments.machine()
        Path(RESULTS).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
