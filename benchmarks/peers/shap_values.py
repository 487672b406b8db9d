"""Seconds of exact SHAP values: Penchant against LightGBM's and XGBoost's `pred_contribs`.

    .venv/bin/python benchmarks/peers/shap_values.py            # 500 trees; trained once, kept
    .venv/bin/python benchmarks/peers/shap_values.py --quick    # 100 trees, one round

One model of each library: trees of 64 leaves over 64 features. Penchant explains the very same
trees, imported; the largest difference and how far the sums are from the scores are printed. Both
sides take turns in one process. Writes `benchmarks/results/shap_values.json`.
"""

from __future__ import annotations

import argparse
import json

import environments

RESULTS = environments.ROOT / "benchmarks" / "results" / "shap_values.json"
KEPT = environments.ROOT / "build" / "peers" / "forest_models"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="100 trees, one round, nothing kept")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    answer = KEPT / "shap_answer.json"
    setting = {
        "trees": 100 if options.quick else 500,
        "rounds": 1 if options.quick else options.rounds,
        "rows": options.rows,
        "threads": options.threads,
        "package": str(environments.ROOT / "python"),
        "kept": str(KEPT),
    }
    environments.run(
        "forests", "shap_values_side.py", json.dumps(setting), answer, threads=options.threads
    )
    found = json.loads(answer.read_text())
    title = "{trees} trees, {rows} rows, {threads} threads".format(**setting)
    print(f"{title}\n{'model':<12}{'side':<26}{'seconds':>9}{'ratio':>8}")
    for library, table in found.items():
        for side, seconds in table["seconds"].items():
            ratio = seconds / table["seconds"]["penchant"]
            print(f"{library:<12}{side:<26}{seconds:>9.4f}{ratio:>8.1f}")
        print(
            f"{'':<12}largest difference {table['difference']:.1e}; sums are off by "
            f"{table['sum_ours']:.1e}, theirs by {table['sum_theirs']:.1e}"
        )
    if not options.quick:
        RESULTS.parent.mkdir(exist_ok=True)
        report = {"machine": environments.machine(), "setting": setting, "models": found}
        del report["setting"]["package"], report["setting"]["kept"]
        RESULTS.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
