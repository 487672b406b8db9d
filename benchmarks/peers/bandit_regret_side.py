"""One side of `bandit_regret.py`, in a process of its own: plays a world, hands back its decisions.

    python bandit_regret_side.py TASK.npz ANSWER.npz RUNS_JSON

RUNS is a list of settings; each plays the whole task. The task holds contexts [n, d] and what every
arm would earn [n, a], so that both sides meet the same luck. The answer has the places of the
chosen arms [runs, n].
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np


def vw(task: dict[str, np.ndarray], setting: dict[str, Any], seed: int) -> np.ndarray:
    """SquareCB with an indicator an arm, times the context."""
    import bandit_vw
    import vowpalwabbit

    table = task["table"]
    options = " ".join(f"--{name} {value}" for name, value in setting["options"].items())
    workspace = vowpalwabbit.Workspace(
        f"--cb_explore_adf --squarecb -q UA --quiet {options} --random_seed {seed}"
    )
    random = np.random.default_rng([seed, 1])
    draws = random.random(len(table))
    shared = bandit_vw.lines("U", task["contexts"])
    actions = [f"|A a{i}" for i in range(table.shape[1])]
    chosen = np.empty(len(table), np.int64)
    for i, line in enumerate(shared):
        chances = np.array(workspace.predict(bandit_vw.decision(line, actions)))
        chances /= chances.sum()
        arm = min(int(np.searchsorted(np.cumsum(chances), draws[i])), len(chances) - 1)
        chosen[i] = arm
        cost = setting["offset"] - table[i, arm]
        workspace.learn(bandit_vw.event(line, actions, arm, cost, chances[arm]))
    workspace.finish()
    return chosen


def penchant(task: dict[str, np.ndarray], setting: dict[str, Any], seed: int) -> np.ndarray:
    import penchant as pn

    contexts, table = task["contexts"], task["table"]
    arms = list(range(table.shape[1]))
    policy = getattr(pn, setting["policy"])(seed=seed, **setting["options"])
    chosen = np.empty(len(table), np.int64)
    for i in range(len(table)):
        row = contexts[i : i + 1]
        arm = int(policy.decide(row, arms).arm[0])
        policy.update(row, [arm], table[i, arm : arm + 1])
        chosen[i] = arm
    return chosen


def main() -> None:
    path, answer, runs_json = sys.argv[1:]
    with np.load(path) as arrays:
        task = dict(arrays)
    seed = int(task["seed"])
    chosen = [
        (vw if setting["policy"] == "vw" else penchant)(task, setting, seed)
        for setting in json.loads(runs_json)
    ]
    np.savez(answer, chosen=np.stack(chosen))


if __name__ == "__main__":
    main()
