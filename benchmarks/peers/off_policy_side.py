"""What `off_policy.py` measures: both libraries on the same arrays, in turns.

python off_policy_side.py SETTING_JSON ANSWER.json
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from obp import ope

ACTIONS = 10
RESAMPLES = 100
ESTIMATORS = {
    "ips": ope.InverseProbabilityWeighting(),
    "ips(clip=10)": ope.InverseProbabilityWeighting(lambda_=10.0),
    "snips": ope.SelfNormalizedInverseProbabilityWeighting(),
    "direct_method": ope.DirectMethod(),
    "doubly_robust": ope.DoublyRobust(),
    "sndr": ope.SelfNormalizedDoublyRobust(),
    "switch_dr(tau=2)": ope.SwitchDoublyRobust(lambda_=2.0),
    "switch_dr(tau=10)": ope.SwitchDoublyRobust(lambda_=10.0),
    "dros(lambda_=1)": ope.DoublyRobustWithShrinkage(lambda_=1.0),
    "dros(lambda_=100)": ope.DoublyRobustWithShrinkage(lambda_=100.0),
}


def made_log(rounds: int) -> dict[str, np.ndarray]:
    """Softmax policies apart by normal numbers, clicks, a model with noise."""
    rng = np.random.default_rng(rounds)
    taste = rng.normal(size=(rounds, ACTIONS))
    logging = np.exp(taste)
    logging /= logging.sum(axis=1, keepdims=True)
    target = np.exp(taste + rng.normal(size=taste.shape))
    target /= target.sum(axis=1, keepdims=True)
    action = (logging.cumsum(axis=1) > rng.random(rounds)[:, None]).argmax(axis=1)
    chance = rng.random(taste.shape)
    rows = np.arange(rounds)
    return {
        "action": action,
        "reward": (rng.random(rounds) < chance[rows, action]).astype(float),
        "logged": logging[rows, action],
        "target": target,
        "q": np.clip(chance + 0.1 * rng.normal(size=chance.shape), 0, 1),
    }


def in_turns(sides: dict[str, Callable[[], Any]], turns: int) -> dict[str, float]:
    """Median milliseconds of each side."""
    taken: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(turns):
        for side in list(sides) if turn % 2 == 0 else list(sides)[::-1]:
            start = time.perf_counter()
            sides[side]()
            taken[side].append(1e3 * (time.perf_counter() - start))
    return {side: median(times) for side, times in taken.items()}


def measure(rounds: int, turns: int) -> tuple[list[dict[str, Any]], float]:
    import penchant as pn

    log = made_log(rounds)
    theirs = {
        "action": log["action"],
        "reward": log["reward"],
        "pscore": log["logged"],
        "action_dist": log["target"][:, :, None],
        "estimated_rewards_by_reg_model": log["q"][:, :, None],
        "position": np.zeros(rounds, dtype=int),
    }
    names = list(ESTIMATORS)

    def obp() -> list[float]:
        return [float(one.estimate_policy_value(**theirs)) for one in ESTIMATORS.values()]

    def obp_intervals(asked: list[str]) -> Callable[[], Any]:
        how = {"n_bootstrap_samples": RESAMPLES, "random_state": 0}
        return lambda: [ESTIMATORS[name].estimate_interval(**theirs, **how) for name in asked]

    def ours(threads: int, asked: list[str] = names, **options: Any) -> Callable[[], Any]:
        return lambda: pn.off_policy.estimate(**log, estimators=asked, threads=threads, **options)

    found = ours(0)()
    difference = max(abs(a - b.value) for a, b in zip(obp(), found.values(), strict=True))
    if difference > 1e-9:
        raise SystemExit(f"the two differ by {difference}")
    drawn = {"interval": "bootstrap", "resamples": RESAMPLES}
    tasks = {
        "estimates": (obp, {}, turns),
        "bootstrap, ips": (obp_intervals(["ips"]), {"asked": ["ips"], **drawn}, turns),
        "bootstrap, all": (obp_intervals(names), drawn, 3),
    }
    rows = []
    for what, (other, options, repeats) in tasks.items():
        if rounds >= 1_000_000:  # the other library's seconds
            repeats = 1 if what == "bootstrap, all" else min(repeats, 5)
        seconds = in_turns(
            {"obp": other, "1": ours(1, **options), "2": ours(2, **options)}, repeats
        )
        penchant = {side: seconds[side] for side in ("1", "2")}
        rows.append({"rounds": rounds, "what": what, "obp": seconds["obp"], "penchant": penchant})
    return rows, difference


def main() -> None:
    setting, answer = json.loads(sys.argv[1]), Path(sys.argv[2])
    sys.path.insert(0, setting["package"])
    warnings.simplefilter("ignore")
    rows, largest = [], 0.0
    for rounds in setting["rounds"]:
        measured, difference = measure(rounds, setting["turns"])
        rows += measured
        largest = max(largest, difference)
    content = {"actions": ACTIONS, "estimators": list(ESTIMATORS), "resamples": RESAMPLES}
    answer.write_text(json.dumps({**content, "rows": rows, "difference": largest}))


if __name__ == "__main__":
    main()
