"""How often 95% intervals hold the truth, over logs simulated with it known.

python off_policy_coverage.py LOGS

Contexts of eight kinds, six actions, softmax policies, clicks, a reward model that is wrong; prints
the shares as JSON. `off_policy.py --coverage` shows them.
"""

from __future__ import annotations

import json
import sys

import numpy as np

import penchant as pn

KINDS, ACTIONS, ROUNDS = 8, 6, 2000
ESTIMATORS = ["ips", "snips", "doubly_robust", "sndr", "mips"]
INTERVALS = ["student_t", "bootstrap", "bernstein"]


def softmax(score: np.ndarray) -> np.ndarray:
    chance = np.exp(score)
    return chance / chance.sum(axis=1, keepdims=True)


def main() -> None:
    logs = int(sys.argv[1])
    rng = np.random.default_rng(6)
    taste = rng.normal(size=(KINDS, ACTIONS))
    logging, target = softmax(taste), softmax(taste + rng.normal(size=taste.shape))
    # Actions of a pair earn alike, so that their pair is an embedding that suffices.
    chance = np.repeat(1 / (1 + np.exp(-rng.normal(-1, 1, (KINDS, ACTIONS // 2)))), 2, axis=1)
    model = chance + rng.normal(0, 0.1, chance.shape)
    pair = np.arange(ACTIONS) // 2
    truth = float((target * chance).sum(axis=1).mean())
    held = {kind: dict.fromkeys(ESTIMATORS, 0) for kind in INTERVALS}
    for _ in range(logs):
        kind = rng.integers(0, KINDS, ROUNDS)
        action = (logging[kind].cumsum(axis=1) > rng.random(ROUNDS)[:, None]).argmax(axis=1)
        reward = (rng.random(ROUNDS) < chance[kind, action]).astype(float)
        for interval, counts in held.items():
            found = pn.off_policy.estimate(
                action, reward, logging[kind], target[kind], model[kind], ESTIMATORS,
                embedding=pair[action], p_embedding=np.eye(ACTIONS // 2)[pair],
                interval=interval, resamples=500,
            )  # fmt: skip
            for name in ESTIMATORS:
                counts[name] += found[name].low <= truth <= found[name].high
    covered = {
        kind: {name: count / logs for name, count in counts.items()}
        for kind, counts in held.items()
    }
    setting = {"logs": logs, "rounds": ROUNDS, "estimators": ESTIMATORS, "resamples": 500}
    print(json.dumps({**setting, "covered": covered}))


if __name__ == "__main__":
    main()
