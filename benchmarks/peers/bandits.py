"""Bandit policies against MABWiser and Vowpal Wabbit: seconds a round, decisions and events.

    .venv/bin/python benchmarks/peers/bandits.py [--rounds 3] [--quick]

**Rounds** (contexts of 32 columns, a model an arm): decide one, learn one, through Python, from the
same state, which each side learned from ten events an arm; then batches of decisions. The arms that
LinUCB chooses are compared: exact ridge regression has one answer. **Action features** (contexts of
16 columns times 8 of actions, SquareCB): learn a log of uniform decisions, then decide, one call
each; Vowpal Wabbit from text and from examples parsed before, ours one call each and all at once.
The mean reward that the learned probabilities are worth says whether the work is the same.

The sides take turns, each time in a process of its own, on one world of `penchant.simulate`.
Prints tables and writes `benchmarks/results/bandits.json`.
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
import numpy as np

import penchant as pn

RESULTS = environments.ROOT / "benchmarks" / "results" / "bandits.json"
PEERS = {"mabwiser": "bandits", "vw text": "bandits", "vw parsed": "bandits"}
WARM_PER_ARM = 10
DIMENSION = 32
# Rounds that a side is timed over; ours goes on after the peer's last.
CASES = [
    ("LinUCB", 100, {"mabwiser": 200, "penchant": 5000}),
    ("LinUCB", 1000, {"mabwiser": 20, "penchant": 1000}),
    ("LinTS", 100, {"mabwiser": 200, "penchant": 5000}),
    ("LinTS", 1000, {"mabwiser": 20, "penchant": 1000}),
]
BATCH = 5000


def world_task(arms: int, seed: int) -> dict[str, np.ndarray]:
    """Events to begin with, and contexts with the reward of each arm."""
    world = pn.simulate.bandit("linear", arms=arms, dimension=DIMENSION, seed=seed)
    warm = world.run(world.logging_policy(floor=1.0), WARM_PER_ARM * arms, batch=100)
    asked = len(warm) + np.arange(BATCH)
    contexts = world.truth.contexts(asked)
    expected = world.truth.expected(contexts, asked)
    return {
        "warm_contexts": warm.contexts,
        "warm_arms": warm.action,
        "warm_rewards": warm.reward,
        "contexts": contexts,
        "table": world.truth.rewards(expected, asked),
    }


def features_task(arms: int, rows: int, seed: int) -> dict[str, np.ndarray]:
    """A uniform log with action features, and the mean reward of each arm."""
    world = pn.simulate.bandit(
        "linear", arms=arms, dimension=16, arm_dimension=8, sharing=1.0, seed=seed
    )
    log = world.run(world.logging_policy(floor=1.0), rows, batch=100)
    assert world.arm_features is not None
    return {
        "contexts": log.contexts,
        "features": world.arm_features,
        "actions": log.action,
        "rewards": log.reward,
        "propensities": log.propensity,
        "expected": world.expected(log.contexts),
    }


class Turns:
    """Runs sides in turns on one task."""

    def __init__(self, folder: Path, what: str, task: dict[str, np.ndarray]) -> None:
        self._folder, self._what = folder, what
        np.savez(folder / "task.npz", **task)

    def run(self, side: str, setting: dict[str, Any]) -> dict[str, Any]:
        answer = self._folder / "answer.npz"
        output = environments.run(
            PEERS.get(side), "bandits_side.py", side, self._what, self._folder / "task.npz",
            answer, json.dumps(setting), blas_threads=2 if side == "mabwiser" else 1,
        )  # fmt: skip
        with np.load(answer) as arrays:
            return {**json.loads(output.splitlines()[-1]), **dict(arrays)}

    def all(self, settings: dict[str, dict[str, Any]], turns: int) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {side: [] for side in settings}
        for turn in range(turns):
            for side in list(settings)[:: 1 if turn % 2 == 0 else -1]:
                found[side].append(self.run(side, settings[side]))
        return found


def online(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    rows = []
    print(f"{'policy':<8}{'arms':>6}{'MABWiser ms':>13}{'Penchant ms':>13}{'ratio':>8}"
          f"{'MABWiser rows/s':>17}{'Penchant rows/s':>17}{'ratio':>8}{'same':>7}")  # fmt: skip
    for policy, arms, counts in CASES:
        turns = Turns(folder, "rounds", world_task(arms, seed=arms))
        settings = {
            side: {"policy": policy, "seed": 1, "batch": BATCH, "threads": options.threads,
                   "rounds": count if not options.quick else max(5, count // 10)}
            for side, count in counts.items()
        }  # fmt: skip
        found = turns.all(settings, options.rounds)
        seconds = {side: median(f["seconds_per_round"] for f in found[side]) for side in found}
        rates = {side: median(f["rows_per_second"] for f in found[side]) for side in found}
        common = settings["mabwiser"]["rounds"]
        one, two = (found[side][0]["chosen"][:common] for side in ("mabwiser", "penchant"))
        row = {
            "policy": policy,
            "arms": arms,
            "ms_per_round": {side: 1e3 * value for side, value in seconds.items()},
            "ratio": seconds["mabwiser"] / seconds["penchant"],
            "rows_per_second": rates,
            "batch_ratio": rates["penchant"] / rates["mabwiser"],
            "same_choices": float(np.mean(one == two)) if policy == "LinUCB" else None,
        }
        rows.append(row)
        same = "-" if row["same_choices"] is None else f"{row['same_choices']:.3f}"
        print(f"{policy:<8}{arms:>6}{row['ms_per_round']['mabwiser']:>13.2f}"
              f"{row['ms_per_round']['penchant']:>13.4f}{row['ratio']:>8.0f}"
              f"{rates['mabwiser']:>17,.0f}{rates['penchant']:>17,.0f}"
              f"{row['batch_ratio']:>8.1f}{same:>7}", flush=True)  # fmt: skip
    return rows


def with_features(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    rows = []
    print(f"\n{'actions':>8}  {'side':<15}{'decisions/s':>13}{'ratio':>7}{'learning/s':>13}"
          f"{'ratio':>7}{'value':>9}")  # fmt: skip
    for arms, number in ((10, 5000), (100, 1000)):
        number = number if not options.quick else number // 5
        task = features_task(arms, number, seed=arms)
        turns = Turns(folder, "features", task)
        sides = ("vw text", "penchant one", "vw parsed", "penchant batch")
        found = turns.all({side: {"threads": options.threads} for side in sides}, options.rounds)
        rates = {
            side: {
                what: number / median(f[what] for f in found[side])
                for what in ("deciding", "learning")
            }
            for side in sides
        }
        uniform = float(task["expected"].mean())
        for side in sides:
            against = {"penchant one": "vw text", "penchant batch": "vw parsed"}.get(side, side)
            probabilities = found[side][0]["probabilities"]
            row = {
                "actions": arms,
                "side": side,
                "decisions_per_second": rates[side]["deciding"],
                "learned_per_second": rates[side]["learning"],
                "against": against,
                "decision_ratio": rates[side]["deciding"] / rates[against]["deciding"],
                "learning_ratio": rates[side]["learning"] / rates[against]["learning"],
                "value": float((probabilities * task["expected"]).sum(axis=1).mean()),
                "uniform_value": uniform,
            }
            rows.append(row)
            print(f"{arms:>8}  {side:<15}{row['decisions_per_second']:>13,.0f}"
                  f"{row['decision_ratio']:>7.1f}{row['learned_per_second']:>13,.0f}"
                  f"{row['learning_ratio']:>7.1f}{row['value']:>9.4f}", flush=True)  # fmt: skip
        print(f"{'':>10}uniform decisions are worth {uniform:.4f}")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
    parser.add_argument("--threads", type=int, default=2, help="of ours, where rows come at once")
    parser.add_argument("--only", choices=("online", "features"))
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--quick", action="store_true", help="a look while working; writes nothing")
    options = parser.parse_args()
    if options.quick:
        options.rounds = 1
    environments.ensure("bandits")
    machine = environments.machine()
    print(f"{machine['cpu']}, {machine['cores']} cores; contexts of {DIMENSION} columns")
    report: dict[str, Any] = {
        "machine": machine,
        "date": time.strftime("%Y-%m-%d"),
        "turns": options.rounds,
        "peers": environments.sections()["bandits"],
    }
    with tempfile.TemporaryDirectory() as folder:
        if options.only != "features":
            report["rounds"] = online(options, Path(folder))
        if options.only != "online":
            report["features"] = with_features(options, Path(folder))
    print("ratio: how many times as fast as the peer, one call each against text, all rows at "
          "once against parsed examples")  # fmt: skip
    if options.quick or options.only:
        return
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written: {options.output}")


if __name__ == "__main__":
    main()
