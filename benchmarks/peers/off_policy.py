"""Seconds of off-policy estimates: Penchant against the Open Bandit Pipeline, on the same arrays.

    .venv/bin/python benchmarks/peers/off_policy.py               # 10k, 100k and 1M rounds
    .venv/bin/python benchmarks/peers/off_policy.py --quick       # 10k and 100k, few turns
    .venv/bin/python benchmarks/peers/off_policy.py --coverage    # 2,000 simulated logs instead

Ten estimators at 10 actions, and bootstrap intervals of 100 resamples, of ips and of all ten. Both
sides take turns in one process; their values must agree to 1e-9. Writes
`benchmarks/results/off_policy.json`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import environments

RESULTS = environments.ROOT / "benchmarks" / "results" / "off_policy.json"


def speed(options: argparse.Namespace) -> dict[str, Any]:
    setting = {
        "rounds": [10_000, 100_000] if options.quick else [10_000, 100_000, 1_000_000],
        "turns": 5 if options.quick else 15,
        "package": str(environments.ROOT / "python"),
    }
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        environments.run("obp", "off_policy_side.py", json.dumps(setting), answer)
        found = json.loads(answer.read_text())
    print(f"{'rounds':>9}  {'what':<16}{'obp ms':>10}{'1 thread':>10}{'2':>8}{'ratio':>8}{'':>8}")
    for row in found["rows"]:
        one, two = row["penchant"]["1"], row["penchant"]["2"]
        print(
            f"{row['rounds']:>9,}  {row['what']:<16}{row['obp']:>10.2f}{one:>10.3f}{two:>8.3f}"
            f"{row['obp'] / one:>8.1f}{row['obp'] / two:>8.1f}"
        )
    print(f"largest difference of a value: {found['difference']:.1e}")
    return found


def coverage(logs: int) -> dict[str, Any]:
    """Share of simulated logs whose 95% interval holds the truth, by estimator and interval."""
    output = environments.run(None, "off_policy_coverage.py", logs)
    found = json.loads(output.splitlines()[-1])
    print(f"{'estimator':<16}" + "".join(f"{kind:>12}" for kind in found["covered"]))
    for name in found["estimators"]:
        shares = "".join(f"{found['covered'][kind][name]:>12.2%}" for kind in found["covered"])
        print(f"{name:<16}{shares}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small try; nothing is written")
    parser.add_argument("--coverage", action="store_true", help="coverage of the intervals instead")
    parser.add_argument("--logs", type=int, default=2000, help="of --coverage")
    options = parser.parse_args()
    report = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if options.coverage:
        report["coverage"] = coverage(options.logs)
    else:
        report["speed"] = speed(options)
    if not options.quick:
        report["machine"] = environments.machine()
        report["date"] = time.strftime("%Y-%m-%d")
        RESULTS.write_text(json.dumps(report, indent=1) + "\n")
        print(f"written: {RESULTS}")


if __name__ == "__main__":
    main()
