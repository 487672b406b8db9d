"""Lists and sequences: equal to a public library's, right on average, one as another's case."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

import penchant as pn
from penchant.errors import BadDataError, InvalidArgumentError

op = pn.off_policy
pytestmark = pytest.mark.filterwarnings("ignore::penchant.off_policy.OffPolicyWarning")
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "off_policy"


@pytest.fixture(scope="module")
def slates():
    content = json.loads((GOLDEN / "slates.json").read_text(encoding="utf-8"))
    return {key: np.asarray(value) for key, value in content["arrays"].items()}, content["values"]


def lists_of(log):
    return log["reward"], log["logged"], log["target_taken"]


@pytest.mark.parametrize("model", ["standard", "independent", "interaction"])
def test_lists_equal_to_the_public_library(slates, model):
    log, values = slates
    assert op.slate(*lists_of(log), model=model).value == pytest.approx(values[model], abs=1e-9)
    normalized = op.slate(*lists_of(log), model=model, normalized=True)
    assert normalized.value == pytest.approx(values[f"{model}, normalized"], abs=1e-9)
    assert normalized.name == f"slate {model}, normalized"


def test_cascade_equal_to_the_public_library(slates):
    log, values = slates
    one = op.slate_dr(log["action"], log["reward"], log["logged"], log["target"], log["q"])
    assert one.value == pytest.approx(values["cascade_dr"], abs=1e-9)
    assert one.rounds == 15


def test_sequences_are_lists_with_a_discount(slates):
    log, values = slates
    plain = op.per_decision(*lists_of(log))
    assert plain.value == pytest.approx(values["interaction"], abs=1e-9)
    weight = np.cumprod(log["target_taken"] / log["logged"], axis=1)
    discounted = (weight * log["reward"] * 0.5 ** np.arange(3)).sum(axis=1)
    one = op.per_decision(*lists_of(log), discount=0.5)
    assert one.value == pytest.approx(discounted.mean(), abs=1e-12)
    assert one.standard_error == pytest.approx(discounted.std(ddof=1) / np.sqrt(15), abs=1e-12)
    arrays = (log["action"], log["reward"], log["logged"], log["target"], log["q"])
    assert op.sequential_dr(*arrays).value == pytest.approx(values["cascade_dr"], abs=1e-9)
    only_first = op.sequential_dr(*arrays, discount=0)
    rows = np.arange(15)
    q = log["q"][:, 0]
    by_hand = (log["target"][:, 0] * q).sum(axis=1) + weight[:, 0] * (
        log["reward"][:, 0] - q[rows, log["action"][:, 0]]
    )
    assert only_first.value == pytest.approx(by_hand.mean(), abs=1e-12)


def test_one_step_is_a_round(slates):
    log, _ = slates
    reward, logged, taken = (each[:, :1] for each in lists_of(log))
    action, target, q = log["action"][:, 0], log["target"][:, 0], log["q"][:, 0]
    rounds = (action, reward[:, 0], logged[:, 0], target)
    ips = op.ips(*rounds)
    for model in ("standard", "independent", "interaction"):
        one = op.slate(reward, logged, taken, model=model)
        assert one.value == pytest.approx(ips.value, abs=1e-12)
        assert one.standard_error == pytest.approx(ips.standard_error, abs=1e-12)
    normalized = op.per_decision(reward, logged, taken, normalized=True)
    snips = op.snips(*rounds)
    assert normalized.value == pytest.approx(snips.value, abs=1e-12)
    assert normalized.low == pytest.approx(snips.low, abs=1e-12)
    doubly = op.slate_dr(action[:, None], reward, logged, target[:, None], q[:, None])
    assert doubly.value == pytest.approx(op.doubly_robust(*rounds, q).value, abs=1e-12)
    sndr = op.sequential_dr(
        action[:, None], reward, logged, target[:, None], q[:, None], normalized=True
    )
    assert sndr.value == pytest.approx(op.sndr(*rounds, q).value, abs=1e-12)


def test_right_on_average_whatever_the_model_of_rewards():
    """All lists of two of three items, each weighed by its chance: the mean is the truth."""
    logging, target = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.2, 0.6])
    lists = list(itertools.permutations(range(3), 2))

    def conditional(policy, shown):
        first, second = shown
        return policy[first], policy[second] / (1 - policy[first])

    def reward(shown):  # the second position's depends on the first
        return float(shown[0] == 2), 1.0 + shown[0] * shown[1]

    truth = sum(np.prod(conditional(target, shown)) * sum(reward(shown)) for shown in lists)
    # 1,000 lists in the logging policy's exact proportions would have fractions: weigh instead.
    estimates = {"interaction": 0.0, "standard": 0.0, "cascade_dr": 0.0}
    for shown in lists:
        chance = np.prod(conditional(logging, shown))
        arrays = [np.array([each]) for each in (reward(shown), conditional(logging, shown))]
        taken = np.array([conditional(target, shown)])
        for model in ("interaction", "standard"):
            estimates[model] += chance * op.slate(*arrays, taken, model=model).value
        table = np.zeros((1, 2, 3))
        table[0, 0] = target
        rest = [a for a in range(3) if a != shown[0]]
        table[0, 1, rest] = target[rest] / target[rest].sum()
        wrong_model = np.full((1, 2, 3), 0.7)
        estimates["cascade_dr"] += (
            chance * op.slate_dr(np.array([shown]), *arrays, table, wrong_model).value
        )
    for name, value in estimates.items():
        assert value == pytest.approx(truth, abs=1e-12), name


def test_shorter_lists_are_filled_up(slates):
    log, _ = slates
    reward, logged, taken = lists_of(log)
    filled = [
        np.concatenate([each, np.full((15, 2), fill)], axis=1)
        for each, fill in ((reward, 0.0), (logged, 1.0), (taken, 1.0))
    ]
    for model in ("independent", "interaction", "standard"):
        short = op.slate(reward, logged, taken, model=model)
        assert op.slate(*filled, model=model).value == pytest.approx(short.value, abs=1e-12)


def test_bootstrap_of_lists(slates):
    log, _ = slates
    plain = op.slate(*lists_of(log))
    drawn = op.slate(*lists_of(log), interval="bootstrap", seed=3)
    assert drawn.value == plain.value
    assert drawn.low < drawn.value < drawn.high
    assert drawn == op.slate(*lists_of(log), interval="bootstrap", seed=3)


def test_few_lists_that_count_are_told():
    rng = np.random.default_rng(0)
    shape = (500, 12)
    target = np.where(rng.random(shape) < 0.5, 0.9, 0.1)
    with pytest.warns(op.OffPolicyWarning, match="effective rounds of 500"):
        one = op.slate(np.ones(shape), np.full(shape, 0.5), target, model="standard")
    assert one.effective_sample_size < 30
    assert one.warnings


def test_what_makes_no_sense_is_refused(slates):
    log, _ = slates
    reward, logged, taken = lists_of(log)
    wrong = logged.copy()
    wrong[4, 1] = 0
    arrays = (log["action"], reward, logged, log["target"], log["q"])
    cases = {
        "model must be": lambda: op.slate(reward, logged, taken, model="other"),
        "alike": lambda: op.slate(reward, logged[:, :2], taken),
        r"logged\[4, 1\] is 0.0": lambda: op.slate(reward, wrong, taken),
        r"target\[0, 0\] is": lambda: op.slate(reward, logged, taken + 2),
        r"reward\[0, 0\] is nan": lambda: op.slate(reward * np.nan, logged, taken),
        "must be numbers": lambda: op.slate([["x"]], logged, taken),
        "discount": lambda: op.per_decision(reward, logged, taken, discount=1.5),
        "must be integers": lambda: op.slate_dr(log["action"] + 0.5, *arrays[1:]),
        "columns of target": lambda: op.slate_dr(log["action"] + 5, *arrays[1:]),
        "sum to 1": lambda: op.slate_dr(*arrays[:3], log["target"] * 0.5, log["q"]),
        "q has shape": lambda: op.slate_dr(*arrays[:4], log["q"][:, :, :2]),
        "not of shape": lambda: op.slate(reward[0], logged[0], taken[0]),
    }
    for words, call in cases.items():
        with pytest.raises((InvalidArgumentError, BadDataError), match=words):
            call()
