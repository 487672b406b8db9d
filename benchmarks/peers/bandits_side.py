"""One side of `bandits.py`, in a process of its own.

    python bandits_side.py SIDE WHAT TASK.npz ANSWER.npz SETTING_JSON

WHAT is `rounds` (decide one, learn one, then batches of decisions) or `features` (learn a log with
action features, then decide). Prints one line of JSON with the seconds; the answer has the choices.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Task = dict[str, np.ndarray]
ALPHA = 0.5


class Mabwiser:
    """Sherman-Morrison updates of an inverse an arm."""

    def __init__(self, policy: str, arms: list[str], seed: int, threads: int) -> None:
        from mabwiser.mab import MAB, LearningPolicy

        chosen = {"LinUCB": LearningPolicy.LinUCB, "LinTS": LearningPolicy.LinTS}[policy]
        self.mab = MAB(arms, chosen(alpha=ALPHA, l2_lambda=1.0), seed=seed, n_jobs=threads)
        self.fitted = False

    def learn(self, contexts: np.ndarray, arms: list[str], rewards: np.ndarray) -> None:
        if self.fitted:
            self.mab.partial_fit(arms, rewards, contexts)
        else:
            self.mab.fit(arms, rewards, contexts)
            self.fitted = True

    def decide(self, contexts: np.ndarray) -> list[str]:
        found = self.mab.predict(contexts)
        return [found] if isinstance(found, str) else found


class Penchant:
    def __init__(self, policy: str, arms: list[str], seed: int, threads: int) -> None:
        import penchant as pn

        options = {"l2": 1.0, "intercept": False, "seed": seed, "threads": threads}
        if policy == "LinUCB":
            self.policy = pn.LinUCB(alpha=ALPHA, **options)
        else:
            self.policy = pn.LinTS(scale=ALPHA, **options)
        self.arms = arms

    def learn(self, contexts: np.ndarray, arms: list[str], rewards: np.ndarray) -> None:
        self.policy.update(contexts, arms, rewards)

    def decide(self, contexts: np.ndarray) -> list[str]:
        return self.policy.decide(contexts, self.arms).arm


def rounds(side: str, task: Task, setting: dict[str, Any]) -> dict[str, Any]:
    """Time rounds one by one, then batches of decisions on what was learned."""
    number = task["table"].shape[1]
    arms = [f"arm-{i:04d}" for i in range(number)]
    place = {arm: i for i, arm in enumerate(arms)}
    kind = Mabwiser if side == "mabwiser" else Penchant
    # MABWiser has two threads in its BLAS, and no processes of its own (n_jobs).
    threads = 1 if side == "mabwiser" else setting["threads"]
    one = kind(setting["policy"], arms, setting["seed"], threads)
    one.learn(task["warm_contexts"], [arms[i] for i in task["warm_arms"]], task["warm_rewards"])
    one.decide(task["contexts"][:1])
    chosen = []
    began = time.perf_counter()
    for i in range(setting["rounds"]):
        context = task["contexts"][i : i + 1]
        arm = one.decide(context)[0]
        action = place[arm]
        one.learn(context, [arm], task["table"][i, action : action + 1])
        chosen.append(action)
    took = time.perf_counter() - began
    rows = task["contexts"][: setting["batch"]]
    one.decide(rows[:10])
    batch_seconds, batch = measured(lambda: one.decide(rows))
    return {
        "seconds_per_round": took / setting["rounds"],
        "rows_per_second": len(rows) / batch_seconds,
        "chosen": np.array(chosen),
        "batch": np.array([place[arm] for arm in batch]),
    }


def measured(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    answer = work()
    return time.perf_counter() - began, answer


def features_of_vw(side: str, task: Task) -> dict[str, Any]:
    """SquareCB of Vowpal Wabbit: context times action features, one example a decision."""
    import bandit_vw
    import vowpalwabbit

    workspace = vowpalwabbit.Workspace("--cb_explore_adf --squarecb -q UA --quiet --random_seed 1")
    shared, actions = bandit_vw.lines("U", task["contexts"]), bandit_vw.lines("A", task["features"])
    asked = [bandit_vw.decision(each, actions) for each in shared]
    told = [
        bandit_vw.event(each, actions, action, 1.0 - reward, propensity)
        for each, action, reward, propensity in zip(
            shared, task["actions"].tolist(), task["rewards"].tolist(),
            task["propensities"].tolist(), strict=True,
        )
    ]  # fmt: skip
    if side == "vw parsed":
        asked = [workspace.parse(each) for each in asked]
        told = [workspace.parse(each) for each in told]

    def learn() -> None:
        for each in told:
            workspace.learn(each)

    learning, _ = measured(learn)
    deciding, found = measured(lambda: [workspace.predict(each) for each in asked])
    if side == "vw parsed":
        for each in [*asked, *told]:
            workspace.finish_example(each)
    return {"learning": learning, "deciding": deciding, "probabilities": np.array(found)}


def features_of_penchant(side: str, task: Task, threads: int) -> dict[str, Any]:
    """SquareCB on the products of context and action features, exactly solved."""
    import penchant as pn

    contexts, features = task["contexts"], task["features"]
    arms = list(range(len(features)))
    policy = pn.SquareCB(model="shared", threads=threads)
    n, actions = len(contexts), task["actions"]
    told = features[actions]
    policy.update(contexts[:1], actions[:1], task["rewards"][:1], arm_features=told[:1])
    policy.probabilities(contexts[:1], arms, arm_features=features)
    policy = pn.SquareCB(model="shared", threads=threads)

    def learn_one_by_one() -> None:
        for i in range(n):
            row = slice(i, i + 1)
            policy.update(contexts[row], actions[row], task["rewards"][row], arm_features=told[row])

    def decide_one_by_one() -> None:
        for i in range(n):
            policy.decide(contexts[i : i + 1], arms, arm_features=features)

    if side == "penchant one":
        learning, _ = measured(learn_one_by_one)
        deciding, _ = measured(decide_one_by_one)
    else:
        learning, _ = measured(
            lambda: policy.update(contexts, actions, task["rewards"], arm_features=told)
        )
        deciding, _ = measured(lambda: policy.decide(contexts, arms, arm_features=features))
    return {
        "learning": learning,
        "deciding": deciding,
        "probabilities": policy.probabilities(contexts, arms, arm_features=features),
    }


def main() -> None:
    side, what, path, answer, setting_json = sys.argv[1:]
    with np.load(path) as arrays:
        task = dict(arrays)
    setting = json.loads(setting_json)
    if what == "rounds":
        found = rounds(side, task, setting)
    elif side.startswith("vw"):
        found = features_of_vw(side, task)
    else:
        found = features_of_penchant(side, task, setting["threads"])
    arrays = {name: value for name, value in found.items() if isinstance(value, np.ndarray)}
    np.savez(answer, **arrays)
    print(json.dumps({name: value for name, value in found.items() if name not in arrays}))


if __name__ == "__main__":
    main()
