"""Ask the Open Bandit Pipeline what it says of small logs, for our tests to agree with.

    python tests/golden/off_policy/make.py [--output FOLDER]

Needs obp 0.5.7. Writes `rounds.json`, `slates.json` and `embeddings.json`: the arrays and the
library's values. See README.md.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from obp import ope
from obp.ope import helper

ROUNDS, ACTIONS, POSITIONS = 40, 5, 3
SLATES, LENGTH = 15, 3
LAMBDAS = [0.0, 0.5, 2.0, 10.0, 100.0]


def policy(rng: np.random.Generator, shape: tuple[int, ...], axis: int) -> np.ndarray:
    chance = np.exp(1.2 * rng.normal(size=shape))
    return chance / chance.sum(axis=axis, keepdims=True)


def made_rounds(rng: np.random.Generator) -> dict[str, np.ndarray]:
    logging = policy(rng, (ROUNDS, ACTIONS, POSITIONS), 1)
    position = rng.integers(0, POSITIONS, ROUNDS)
    rows = np.arange(ROUNDS)
    action = np.array([rng.choice(ACTIONS, p=logging[i, :, position[i]]) for i in rows])
    return {
        "action": action,
        "reward": rng.normal(1.0, 1.0, ROUNDS),
        "logged": logging[rows, action, position],
        "logging": logging,
        "target": policy(rng, (ROUNDS, ACTIONS, POSITIONS), 1),
        "q": rng.normal(1.0, 0.5, (ROUNDS, ACTIONS, POSITIONS)),
        "position": position,
    }


def round_values(log: dict[str, np.ndarray]) -> dict[str, float]:
    asked = {
        "ips": ope.InverseProbabilityWeighting(),
        "ips(clip=2)": ope.InverseProbabilityWeighting(lambda_=2.0),
        "snips": ope.SelfNormalizedInverseProbabilityWeighting(),
        "direct_method": ope.DirectMethod(),
        "doubly_robust": ope.DoublyRobust(),
        "doubly_robust(clip=1.5)": ope.DoublyRobust(lambda_=1.5),
        "sndr": ope.SelfNormalizedDoublyRobust(),
        "sub_gaussian(lambda_=0.1)": ope.SubGaussianInverseProbabilityWeighting(lambda_=0.1),
        "sub_gaussian_dr(lambda_=0.3)": ope.SubGaussianDoublyRobust(lambda_=0.3),
    }
    for value in LAMBDAS:
        asked[f"switch_dr(tau={value:g})"] = ope.SwitchDoublyRobust(lambda_=value)
        asked[f"dros(lambda_={value:g})"] = ope.DoublyRobustWithShrinkage(lambda_=value)
    given = {
        "action": log["action"],
        "reward": log["reward"],
        "pscore": log["logged"],
        "action_dist": log["target"],
        "estimated_rewards_by_reg_model": log["q"],
        "position": log["position"],
    }
    values = {name: float(one.estimate_policy_value(**given)) for name, one in asked.items()}
    x = asked["ips"]._estimate_round_rewards(**given)
    values["ips, student_t lower bound .95"] = float(
        helper.estimate_student_t_lower_bound(x, delta=0.05)
    )
    values["ips, bernstein lower bound .95, 20"] = float(
        helper.estimate_bernstein_lower_bound(x, x_max=20.0, delta=0.05)
    )
    values["ips, hoeffding lower bound .95, 20"] = float(
        helper.estimate_hoeffding_lower_bound(x, x_max=20.0, delta=0.05)
    )
    for name, tuning in {
        "ips": ope.InverseProbabilityWeightingTuning,
        "switch_dr": ope.SwitchDoublyRobustTuning,
        "dros": ope.DoublyRobustWithShrinkageTuning,
    }.items():
        for method in ("slope", "mse"):
            tuned = tuning(lambdas=LAMBDAS[1:], tuning_method=method)
            values[f"{name}, by {method}"] = float(tuned.estimate_policy_value_with_tuning(**given))
            values[f"{name}, chosen by {method}"] = float(tuned.best_hyperparam)
    return values


def made_slates(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Independent choices at each position, so that all three probabilities are known."""
    logging = policy(rng, (SLATES, LENGTH, ACTIONS), 2)
    target = policy(rng, (SLATES, LENGTH, ACTIONS), 2)
    action = np.array(
        [[rng.choice(ACTIONS, p=logging[i, j]) for j in range(LENGTH)] for i in range(SLATES)]
    )
    taken = np.take_along_axis
    return {
        "action": action,
        "reward": rng.normal(0.5, 1.0, (SLATES, LENGTH)),
        "logged": taken(logging, action[:, :, None], axis=2)[:, :, 0],
        "target_taken": taken(target, action[:, :, None], axis=2)[:, :, 0],
        "target": target,
        "q": rng.normal(0.5, 0.5, (SLATES, LENGTH, ACTIONS)),
    }


def slate_values(log: dict[str, np.ndarray]) -> dict[str, float]:
    cascade = {name: np.cumprod(log[name], axis=1) for name in ("logged", "target_taken")}
    whole = {name: np.repeat(value[:, -1:], LENGTH, axis=1) for name, value in cascade.items()}
    given = {
        "slate_id": np.repeat(np.arange(SLATES), LENGTH),
        "position": np.tile(np.arange(LENGTH), SLATES),
        "action": log["action"].ravel(),
        "reward": log["reward"].ravel(),
        "pscore": whole["logged"].ravel(),
        "evaluation_policy_pscore": whole["target_taken"].ravel(),
        "pscore_item_position": log["logged"].ravel(),
        "evaluation_policy_pscore_item_position": log["target_taken"].ravel(),
        "pscore_cascade": cascade["logged"].ravel(),
        "evaluation_policy_pscore_cascade": cascade["target_taken"].ravel(),
        "q_hat": log["q"].ravel(),
        "evaluation_policy_action_dist": log["target"].ravel(),
    }
    asked = {
        "standard": ope.SlateStandardIPS(len_list=LENGTH),
        "independent": ope.SlateIndependentIPS(len_list=LENGTH),
        "interaction": ope.SlateRewardInteractionIPS(len_list=LENGTH),
        "standard, normalized": ope.SelfNormalizedSlateStandardIPS(len_list=LENGTH),
        "independent, normalized": ope.SelfNormalizedSlateIndependentIPS(len_list=LENGTH),
        "interaction, normalized": ope.SelfNormalizedSlateRewardInteractionIPS(len_list=LENGTH),
        "cascade_dr": ope.SlateCascadeDoublyRobust(len_list=LENGTH, n_unique_action=ACTIONS),
    }
    return {name: float(one.estimate_policy_value(**given)) for name, one in asked.items()}


def made_embeddings(rng: np.random.Generator) -> dict[str, np.ndarray]:
    log = made_rounds(rng)
    categories, dimensions = 4, 2
    chance = policy(rng, (ACTIONS, categories, dimensions), 1)
    embedding = np.array(
        [
            [rng.choice(categories, p=chance[a, :, d]) for d in range(dimensions)]
            for a in log["action"]
        ]
    )
    return {**log, "p_embedding": chance, "embedding": embedding}


def embedding_values(log: dict[str, np.ndarray]) -> dict[str, float]:
    estimator = ope.MarginalizedInverseProbabilityWeighting(n_actions=ACTIONS)
    value = estimator.estimate_policy_value(
        reward=log["reward"],
        action=log["action"],
        action_embed=log["embedding"],
        pi_b=log["logging"],
        action_dist=log["target"],
        position=log["position"],
        p_e_a=log["p_embedding"],
    )
    return {"mips": float(value)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parent)
    folder = parser.parse_args().output
    warnings.simplefilter("ignore")
    kinds: dict[str, Any] = {
        "rounds": (made_rounds, round_values),
        "slates": (made_slates, slate_values),
        "embeddings": (made_embeddings, embedding_values),
    }
    for seed, (name, (made, asked)) in enumerate(kinds.items()):
        log = made(np.random.default_rng(seed))
        content = {
            "arrays": {key: value.tolist() for key, value in log.items()},
            "values": asked(log),
        }
        (folder / f"{name}.json").write_text(json.dumps(content) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
