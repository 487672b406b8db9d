"""Bandit worlds: the same answers in any order, rewards that follow their means, known regret."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant import errors, simulate
from penchant.simulate.bandit_rows import Rows, on_grid

KINDS = ("linear", "logistic", "neural")


class PlainLinUCB:
    """LinUCB with a ridge regression an arm (Li et al. 2010, algorithm 1), nothing clever."""

    def __init__(self, world: simulate.BanditWorld, alpha: float = 0.5, l2: float = 1.0) -> None:
        self.arms, self.alpha = world.arms, alpha
        self.inverse = np.repeat(np.eye(world.dimension)[None] / l2, len(world.arms), axis=0)
        self.earned = np.zeros((len(world.arms), world.dimension))

    def decide(self, contexts: np.ndarray, arms: list[Any]) -> np.ndarray:
        assert arms == self.arms
        seen = np.einsum("ade,ne->nad", self.inverse, contexts)
        mean = np.einsum("nad,ad->na", seen, self.earned)
        width = np.sqrt(np.einsum("nad,nd->na", seen, contexts))
        return np.asarray(arms)[(mean + self.alpha * width).argmax(axis=1)]

    def update(
        self, contexts: np.ndarray, arm: np.ndarray, reward: np.ndarray, propensity: Any = None
    ) -> None:
        for context, a, r in zip(contexts, arm.tolist(), reward, strict=True):
            i = self.arms.index(a)
            step = self.inverse[i] @ context
            self.inverse[i] -= np.outer(step, step) / (1 + step @ context)
            self.earned[i] += r * context


class Uniform:
    """Any arm, each as likely; remembers what it was told."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.told: list[tuple[np.ndarray, ...]] = []

    def decide(
        self, contexts: np.ndarray, arms: list[Any], *, k: int = 1, arm_features: Any = None
    ) -> Any:
        self.features = arm_features
        order = self.random.permuted(np.tile(np.arange(len(arms)), (len(contexts), 1)), axis=1)
        chosen = np.asarray(arms)[order[:, :k]]
        return chosen if k > 1 else chosen[:, 0]

    def update(self, contexts: Any, arm: Any, reward: Any, propensity: Any = None, **rest: Any):
        self.told.append((contexts, arm, reward, propensity))
        self.more = rest


# Determinism -------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    drift=st.sampled_from([0.0, 1.5]),
    change=st.sampled_from([0, 40]),
    slate=st.integers(1, 3),
    seed=st.integers(0, 2**40),
    order=st.randoms(use_true_random=False),
)
def test_answers_do_not_depend_on_the_order_of_questions(
    kind: str, drift: float, change: int, slate: int, seed: int, order: Any
) -> None:
    knobs = {"arms": 5, "dimension": 3, "drift": drift, "change_every": change, "slate": slate}
    world = simulate.bandit(kind, seed=seed, delay=3.0, **knobs)
    twin = simulate.bandit(kind, seed=seed, delay=3.0, **knobs)
    n = 100
    contexts = world.contexts(n)
    arms = world.best(contexts)
    rewards = world.reward(contexts, arms)
    rounds = list(range(n))
    order.shuffle(rounds)
    for i in rounds[:25]:
        one = twin.contexts(1, rounds=i)
        assert np.array_equal(one[0], contexts[i])
        assert np.array_equal(twin.best(one, rounds=i)[0], arms[i])
        assert np.array_equal(twin.reward(one, arms[i : i + 1], rounds=i)[0], rewards[i])
        assert twin.arrival(1, rounds=i)[0] == world.arrival(n)[i]
    some = np.array(rounds)
    assert np.array_equal(twin.contexts(n, rounds=some), contexts[some])
    assert np.array_equal(twin.reward(contexts[some], arms[some], rounds=some), rewards[some])


def test_what_an_arm_earns_does_not_depend_on_what_else_is_shown() -> None:
    world = simulate.bandit("logistic", arms=6, slate=3, seed=2, position_decay=0.0)
    contexts = world.contexts(400)
    first = world.reward(contexts, np.tile(np.array(world.arms)[[0, 1, 2]], (400, 1)))
    other = world.reward(contexts, np.tile(np.array(world.arms)[[1, 5, 0]], (400, 1)))
    assert np.array_equal(first[:, 0], other[:, 2])
    assert np.array_equal(first[:, 1], other[:, 0])


def test_inner_products_are_exact_in_whatever_order_they_are_summed() -> None:
    world = simulate.bandit("linear", arms=7, dimension=200, base=0.0, strength=1.0, seed=9)
    contexts = world.contexts(50)
    scores = world.expected(contexts)
    weights = world.truth.weights()
    plain = np.array([[math.fsum(x * w) for w in weights] for x in contexts])
    assert np.array_equal(scores, plain)
    assert np.array_equal(on_grid(weights), weights)
    assert np.array_equal(on_grid(contexts), contexts)


def test_blocks_have_numbers_of_their_own_and_few_are_kept() -> None:
    rows = Rows(3, "x", 1 << 15, lambda generator, shape: generator.random(shape))
    many = rows.take(np.arange(64))
    assert len(np.unique(many)) == many.size
    assert len(rows._blocks) == 4
    assert np.array_equal(rows.take(np.array([60, 2, 60])), many[[60, 2, 60]])
    assert rows.take(np.zeros(0, np.int64)).shape == (0, 1 << 15)


def test_seeds_and_pickles() -> None:
    world = simulate.bandit("neural", seed=4)
    other = simulate.bandit("neural", seed=5)
    contexts = world.contexts(20)
    assert not np.array_equal(contexts, other.contexts(20))
    again = pickle.loads(pickle.dumps(world))
    assert np.array_equal(again.expected(contexts), world.expected(contexts))


# Rewards follow their means ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_contexts_and_scores_have_the_promised_size(kind: str) -> None:
    world = simulate.bandit(kind, arms=200, dimension=12, seed=1)
    contexts = world.contexts(4_000)
    assert (contexts[:, 0] == round(2**20 / math.sqrt(12)) / 2**20).all()
    assert np.mean((contexts**2).sum(axis=1)) == pytest.approx(1.0, abs=0.02)
    assert np.abs(contexts.mean(axis=0)[1:]).max() < 0.02
    mean = world.expected(contexts)
    if kind == "linear":
        assert mean.std() == pytest.approx(0.15, rel=0.15)
        return
    odds = np.log(mean / (1 - mean)) - math.log(0.2 / 0.8)
    assert odds.var() == pytest.approx({"logistic": 1.0, "neural": 0.65}[kind], rel=0.25)


@pytest.mark.parametrize("kind", KINDS)
def test_rewards_have_the_expected_mean(kind: str) -> None:
    world = simulate.bandit(kind, arms=3, dimension=4, seed=6)
    n = 60_000
    context = np.tile(world.contexts(1, rounds=17), (n, 1))
    for arm in world.arms:
        reward = world.reward(context, [arm] * n)
        mean = world.expected(context)[0, world.index_of([arm])[0]]
        deviation = 0.1 if kind == "linear" else math.sqrt(mean * (1 - mean))
        assert reward.mean() == pytest.approx(mean, abs=4.5 * deviation / math.sqrt(n))
        assert reward.std() == pytest.approx(deviation, rel=0.02)
        assert kind == "linear" or set(reward) == {0.0, 1.0}
    table = np.stack([world.reward(context, [arm] * n) for arm in world.arms])
    between = np.corrcoef(table)[np.triu_indices(3, 1)]
    assert np.abs(between).max() < 0.02  # one arm's luck says nothing of another's


def test_a_neural_world_is_not_linear() -> None:
    def explained(kind: str) -> float:
        world = simulate.bandit(kind, arms=10, dimension=8, seed=3)
        contexts = world.contexts(4_000)
        mean = world.expected(contexts)
        odds = np.log(mean / (1 - mean))
        left = np.linalg.lstsq(contexts, odds, rcond=None)[0]
        return 1 - float((odds - contexts @ left).var() / odds.var())

    assert explained("logistic") > 0.999
    assert 0.4 < explained("neural") < 0.8


def test_attributes_say_as_much_of_the_arms_as_sharing_says() -> None:
    for sharing in (0.0, 0.5, 1.0):
        world = simulate.bandit(arms=3_000, dimension=5, sharing=sharing, seed=8)
        weights, features = world.truth.weights(), world.arm_features
        assert features.shape == (3_000, 4)
        left = weights - features @ np.linalg.lstsq(features, weights, rcond=None)[0]
        assert left.var() / weights.var() == pytest.approx(1 - sharing, abs=0.15)


def test_weights_turn_with_the_rounds() -> None:
    world = simulate.bandit("linear", dimension=6, drift=0.5, base=0.0, strength=1.0, seed=2)
    contexts = world.contexts(3_000)

    def at(round_: int) -> np.ndarray:
        return world.expected(contexts, rounds=np.full(3_000, round_))

    begin, away = at(0), at(2_000)
    assert np.corrcoef(begin.ravel(), away.ravel())[0, 1] == pytest.approx(0.0, abs=0.25)
    assert np.allclose(at(1_000), (begin + away) / math.sqrt(2), atol=1e-9)
    assert np.allclose(at(4_000), -begin, atol=1e-9)
    # Rows are of the rounds they are said to be of.
    assert np.array_equal(world.expected(contexts, rounds=500)[1_500], at(2_000)[1_500])
    backwards = simulate.bandit("linear", dimension=6, drift=-0.5, base=0.0, strength=1.0, seed=2)
    assert np.allclose(backwards.expected(contexts, rounds=np.full(3_000, 2_000)), -away, atol=1e-9)


def test_weights_change_all_at_once() -> None:
    world = simulate.bandit("linear", change_every=100, dimension=6, seed=2)
    context = np.tile(world.contexts(1), (300, 1))
    mean = world.expected(context)
    assert (mean[:100] == mean[0]).all()
    assert (mean[100:200] == mean[100]).all()
    assert abs(np.corrcoef(mean[0], mean[100])[0, 1]) < 0.9
    assert not np.array_equal(mean[100], mean[200])


def test_delays_are_exponential_and_never_negative() -> None:
    world = simulate.bandit(delay=20.0, seed=1)
    wait = world.arrival(50_000) - np.arange(50_000)
    assert wait.min() == 0
    whole = 1 / (math.exp(1 / 20) - 1)  # the mean of an exponential number, rounded down
    assert wait.mean() == pytest.approx(whole, rel=0.03)
    assert (wait > 60).mean() == pytest.approx(math.exp(-61 / 20), rel=0.1)
    assert np.array_equal(simulate.bandit().arrival(5, rounds=7), np.arange(7, 12))


def test_positions_further_down_are_looked_at_less() -> None:
    world = simulate.bandit("logistic", arms=4, slate=3, position_decay=1.0, seed=3)
    assert np.allclose(world.examination, [1, 1 / 2, 1 / 3])
    n = 60_000
    contexts = np.tile(world.contexts(1), (n, 1))
    order = np.tile(world.best(contexts)[0], (n, 1))
    mean = world.expected(contexts)[0][world.index_of(order[0])]
    assert (np.diff(mean) <= 0).all()
    clicks = world.reward(contexts, order).mean(axis=0)
    noise = 4.5 * np.sqrt(mean / n)
    assert (np.abs(clicks - mean * world.examination) < noise).all()
    lone = world.reward(contexts, order[:, :1])  # fewer positions than there are
    assert lone.shape == (n, 1)
    assert lone.mean() == pytest.approx(mean[0], abs=noise[0])


# A policy in a world -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_policy_learns(kind: str) -> None:
    world = simulate.bandit(kind, arms=5, dimension=6, seed=1)
    learned = world.run(PlainLinUCB(world, alpha=0.3), 3_000)
    blind = world.run(Uniform(), 3_000, batch=100)
    assert learned.regret[-1] < 0.55 * blind.regret[-1]
    late = np.diff(learned.regret)[-500:].mean()
    assert late < 0.6 * np.diff(learned.regret)[:200].mean()
    assert len(learned) == 3_000
    assert (np.diff(learned.regret) >= -1e-12).all()


def test_regret_adds_up() -> None:
    world = simulate.bandit("linear", arms=4, dimension=3, seed=5, drift=1.0)
    trace = world.run(Uniform(), 500, batch=64, first=300)
    contexts = world.contexts(500, rounds=300)
    mean = world.expected(contexts, rounds=300)
    missed = mean.max(axis=1) - mean[np.arange(500), trace.action]
    assert np.allclose(trace.regret, np.cumsum(missed))
    assert np.array_equal(trace.rounds, np.arange(300, 800))
    assert np.array_equal(trace.contexts, contexts)
    assert np.array_equal(trace.reward, world.reward(contexts, trace.arm, rounds=300))
    assert np.isnan(trace.propensity).all()
    assert f"regret {trace.regret[-1]:.5g}" in repr(trace)
    best = world.reward(contexts, world.best(contexts, rounds=300), rounds=300)
    assert best.mean() > trace.reward.mean()


def test_the_best_choice_has_no_regret() -> None:
    class Oracle:
        def __init__(self, world: simulate.BanditWorld) -> None:
            self.world, self.round = world, 0

        def decide(self, contexts: np.ndarray, arms: list[Any], **asked: Any) -> np.ndarray:
            chosen = self.world.best(contexts, rounds=self.round)
            self.round += len(contexts)
            return chosen

        def update(self, *told: Any, **more: Any) -> None:
            pass

    for slate in (1, 4):
        world = simulate.bandit("logistic", slate=slate, drift=2.0, seed=1)
        trace = world.run(Oracle(world), 200, batch=7)
        assert np.abs(trace.regret).max() < 1e-12


def test_batches_and_stretches_do_not_change_what_is_seen() -> None:
    world = simulate.bandit("logistic", arms=3, dimension=2, seed=4)
    whole = world.run(world.logging_policy(), 1_000, batch=1_000)
    for batch in (1, 7, 999):
        part = world.run(world.logging_policy(), 1_000, batch=batch)
        pd.testing.assert_frame_equal(part.to_frame(), whole.to_frame())
    wide = simulate.bandit("logistic", arms=3_000, dimension=2, seed=4)
    policy = Uniform()
    trace = wide.run(policy, 400, batch=3)
    assert [len(told[0]) for told in policy.told] == [3] * 133 + [1]
    assert np.array_equal(wide.reward(wide.contexts(400), trace.arm), trace.reward)


def test_rewards_are_learned_when_they_arrive_and_once() -> None:
    world = simulate.bandit("linear", arms=3, dimension=2, delay=9.0, seed=7)
    policy = Uniform()
    trace = world.run(policy, 300, batch=4, first=50)
    told = np.concatenate([contexts for contexts, *_ in policy.told])
    arrives = trace.arrival - 50
    known = arrives < 300
    assert 0.8 < known.mean() < 1.0
    assert len(told) == known.sum()
    when = np.flatnonzero(known)[np.lexsort((np.flatnonzero(known), arrives[known]))]
    by_batch = np.concatenate([when[arrives[when] // 4 == b] for b in range(75)])
    assert np.array_equal(told, trace.contexts[by_batch])
    rewards = np.concatenate([reward for _, _, reward, _ in policy.told])
    assert np.array_equal(rewards, trace.reward[by_batch])


def test_slates_in_a_run() -> None:
    world = simulate.bandit("logistic", arms=6, dimension=3, slate=3, seed=1)
    policy = Uniform()
    trace = world.run(policy, 50, batch=10)
    assert trace.arm.shape == trace.reward.shape == trace.propensity.shape == (50, 3)
    contexts, arm, reward, _ = policy.told[0]
    assert contexts.shape == (30, 3)
    assert np.array_equal(contexts[::3], trace.contexts[:10])
    assert np.array_equal(arm, trace.arm[:10].ravel())
    assert np.array_equal(reward, trace.reward[:10].ravel())
    mean = world.expected(trace.contexts)
    top = -np.sort(-mean, axis=1)[:, :3]
    got = np.take_along_axis(mean, trace.action, axis=1)
    assert np.allclose(trace.regret, np.cumsum((top - got) @ world.examination))
    frame = trace.to_frame("polars")
    assert frame.columns == [
        "round", "position", "arm", "propensity", "reward", "expected", "arrival", "regret",
    ]  # fmt: skip
    assert frame["position"].to_list()[:4] == [0, 1, 2, 0]


def test_attributes_are_handed_on_and_contexts_may_be_given() -> None:
    world = simulate.bandit("logistic", arms=["a", "b"], dimension=2, seed=1)
    policy = Uniform()
    mine = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    trace = world.run(policy, 3, arm_features=True, contexts=mine)
    assert policy.features is world.arm_features
    assert np.array_equal(policy.more["arm_features"], world.arm_features[trace.action[2:]])
    assert policy.told[0][3] is None  # it gave no propensities
    assert np.array_equal(trace.contexts, mine)
    assert np.allclose(trace.best_expected, world.expected(mine).max(axis=1))
    assert set(trace.arm) <= {"a", "b"}


def test_weights_may_be_given() -> None:
    weights = [[0.0, 2.0], [0.0, -2.0]]
    world = simulate.bandit("logistic", arms=["up", "down"], dimension=2, weights=weights)
    assert world.best(np.array([[1.0, 1.0], [1.0, -1.0]])).tolist() == ["up", "down"]
    assert world.arm_features is None
    expected = world.expected(np.array([[1.0, 1.0]]))[0, 0]
    assert expected == pytest.approx(1 / (1 + 4 * math.exp(-2.0)))
    with pytest.raises(errors.InvalidArgumentError, match="have none"):
        world.run(Uniform(), 1, arm_features=True)


def test_an_empty_run() -> None:
    trace = simulate.bandit().run(Uniform(), 0)
    assert len(trace) == len(trace.to_frame()) == 0
    assert repr(trace) == "Trace(0 rounds)"


# Logs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slate", [1, 3])
def test_logged_propensities_are_the_chances(slate: int) -> None:
    world = simulate.bandit("linear", arms=5, dimension=3, slate=slate, seed=2)
    policy = world.logging_policy(sharpness=1.5, floor=0.2)
    n = 200_000
    context = np.tile(world.contexts(1), (n, 1))
    chances = policy.probabilities(context[:1], world.arms)[0]
    assert chances.sum() == pytest.approx(1.0)
    assert chances.min() >= 0.2 / 5 - 1e-12
    decided = policy.decide(context, world.arms, k=slate)
    arm = world.index_of(decided.arm).reshape(n, slate)
    propensity = decided.propensity.reshape(n, slate)
    counts = np.bincount(arm[:, 0], minlength=5)
    chi_square = ((counts - n * chances) ** 2 / (n * chances)).sum()
    assert chi_square < 23.5  # 4 degrees of freedom, one in 10,000
    assert np.allclose(propensity[:, 0], chances[arm[:, 0]])
    if slate == 3:
        assert all(len(set(row)) == 3 for row in arm[:100].tolist())
        rest = 1 - chances[arm[:, 0]]
        assert np.allclose(propensity[:, 1], chances[arm[:, 1]] / rest)
        sequences, seen = np.unique(arm, axis=0, return_counts=True)
        rows = {tuple(row): p for row, p in zip(arm.tolist(), propensity.prod(axis=1), strict=True)}
        product = np.array([rows[tuple(sequence)] for sequence in sequences.tolist()])
        assert product.sum() == pytest.approx(1.0)  # all 60 orders were seen
        assert ((seen - n * product) ** 2 / (n * product)).sum() < 108  # 59 degrees of freedom


def test_weighing_by_propensities_finds_the_true_value() -> None:
    world = simulate.bandit("logistic", arms=6, dimension=4, seed=3)
    n = 100_000
    log = world.run(world.logging_policy(sharpness=2.0), n, batch=5_000)
    better = world.logging_policy(sharpness=4.0, floor=0.05)
    target = better.probabilities(log.contexts)
    weight = target[np.arange(n), log.action] / log.propensity
    terms = weight * log.reward
    truth = world.value(target, log.contexts)
    assert truth > log.expected.mean() + 0.01  # it had something to find
    assert terms.mean() == pytest.approx(truth, abs=4.5 * terms.std() / math.sqrt(n))


def test_a_logging_policy_knows_something_and_says_the_same_again() -> None:
    world = simulate.bandit("linear", seed=1, drift=3.0)
    values = {}
    for sharpness in (-2.0, 0.0, 2.0):
        policy = world.logging_policy(sharpness=sharpness, floor=0.1)
        values[sharpness] = world.run(policy, 500, batch=50).expected.mean()
    assert values[-2.0] < values[0.0] < values[2.0]
    one = world.run(world.logging_policy(seed=3), 100, batch=9)
    two = world.run(world.logging_policy(seed=3), 100, batch=50)
    assert np.array_equal(one.action, two.action)
    other = world.run(world.logging_policy(seed=4), 100)
    assert not np.array_equal(one.action, other.action)


# Classification ----------------------------------------------------------------------------------


def three_classes(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    label = random.integers(0, 3, n)
    centres = np.array([[1.0, 0.0], [-1.0, 1.0], [0.0, -1.0]])
    return centres[label] + 0.3 * random.standard_normal((n, 2)), np.array(list("xyz"))[label]


def test_one_arm_a_class_and_one_for_the_right_one() -> None:
    X, y = three_classes()
    world = simulate.from_classification(X, y, seed=1)
    assert world.arms == ["x", "y", "z"]
    contexts = world.contexts(300)
    order = np.lexsort(X.T)
    assert np.array_equal(contexts[np.lexsort(contexts.T)], X[order])  # each row once a pass
    assert not np.array_equal(contexts, X)
    label = dict(zip(map(tuple, X.tolist()), y.tolist(), strict=True))
    right = np.array([label[tuple(row)] for row in contexts.tolist()])
    assert np.array_equal(world.best(contexts), right)
    assert (world.reward(contexts, right) == 1).all()
    assert world.reward(contexts, ["x"] * 300).sum() == (y == "x").sum()
    again = world.contexts(300, rounds=300)
    assert not np.array_equal(again, contexts)
    assert np.array_equal(again[np.lexsort(again.T)], X[order])
    assert np.array_equal(
        world.contexts(3, rounds=np.array([301, 5, 301])),
        np.stack([again[1], contexts[5], again[1]]),
    )
    with pytest.raises(errors.InvalidArgumentError, match="not those of the rounds"):
        world.expected(contexts, rounds=1)
    trace = world.run(PlainLinUCB(world, alpha=0.2), 600)
    assert trace.reward[300:].mean() > 0.9
    assert repr(world) == "BanditWorld(classification, 3 arms, 2 columns, seed 1)"


def test_a_log_of_a_classification_set_carries_true_propensities() -> None:
    X, y = three_classes()
    world = simulate.from_classification(X, y)
    policy = world.logging_policy(sharpness=3.0, sample=50)
    log = world.run(policy, 30_000, batch=500)
    assert 0.6 < log.reward.mean() < 0.98
    assert np.allclose(
        log.propensity, policy.probabilities(log.contexts)[np.arange(30_000), log.action]
    )
    terms = log.reward / log.propensity / 3  # the uniform policy's value, which is 1/3
    assert terms.mean() == pytest.approx(1 / 3, abs=4.5 * terms.std() / math.sqrt(30_000))
    assert world.value(np.full((300, 3), 1 / 3), world.contexts(300)) == pytest.approx(1 / 3)


def test_labels_of_any_kind_and_sparse_rows() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    X, y = three_classes(20)
    codes = np.array([{"x": 7, "y": -1, "z": 3}[label] for label in y.tolist()])
    world = simulate.from_classification(sparse.csr_matrix(X), codes)
    assert world.arms == [-1, 3, 7]
    assert np.array_equal(np.sort(world.contexts(20), axis=0), np.sort(X, axis=0))
    frame = pd.DataFrame(X)
    assert simulate.from_classification(frame, pd.Series(y)).arms == ["x", "y", "z"]


# What is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"kind": "quadratic"}, "linear, logistic, neural"),
        ({"arms": 0}, "arms"),
        ({"arms": "three"}, "sequence of ids"),
        ({"arms": ["a", "a"]}, "named twice"),
        ({"arms": 2.5}, "whole number"),
        ({"dimension": 0}, "dimension"),
        ({"seed": -1}, "seed"),
        ({"sharing": 1.5}, "sharing"),
        ({"noise": -1.0}, "noise"),
        ({"delay": math.inf}, "finite"),
        ({"drift": math.nan}, "finite"),
        ({"change_every": -1}, "change_every"),
        ({"slate": 11}, "no arm twice"),
        ({"kind": "logistic", "base": 1.0}, "chance"),
        ({"colour": 1}, "no knob 'colour'"),
        ({"weights": np.zeros((3, 3))}, "weights have the shape"),
        ({"weights": np.full((10, 16), np.nan)}, "finite numbers"),
        ({"weights": np.zeros((10, 16)), "kind": "neural"}, "linear and logistic"),
        ({"weights": np.zeros((10, 16)), "change_every": 5}, "never drawn anew"),
    ],
)
def test_nonsense_is_refused(wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=word):
        simulate.bandit(**wrong)


def test_wrong_questions_are_refused() -> None:
    world = simulate.bandit(arms=3, dimension=2)
    contexts = world.contexts(4)
    refused = errors.InvalidArgumentError
    with pytest.raises(refused, match=r"\[n, 2\]"):
        world.expected(np.zeros((4, 3)))
    with pytest.raises(refused, match="'x' is not an arm"):
        world.reward(contexts, ["x"] * 4)
    with pytest.raises(refused, match="this world has 1"):
        world.reward(contexts, np.tile(np.array(world.arms)[:2], (4, 1)))
    with pytest.raises(refused, match="there are 4 rows"):
        world.expected(contexts, rounds=np.arange(3))
    with pytest.raises(refused, match="below 0"):
        world.contexts(4, rounds=-1)
    with pytest.raises(refused, match="whole numbers"):
        world.contexts(4, rounds=1.5)  # type: ignore[arg-type]
    with pytest.raises(refused, match="number of rounds"):
        world.contexts(-1)
    with pytest.raises(refused, match="batch is 0"):
        world.run(Uniform(), 4, batch=0)
    with pytest.raises(refused, match="contexts have the shape"):
        world.run(Uniform(), 4, contexts=np.zeros((3, 2)))
    with pytest.raises(refused, match="target has the shape"):
        world.value(np.zeros((4, 2)), contexts)
    with pytest.raises(refused, match="floor"):
        world.logging_policy(floor=2.0)
    with pytest.raises(refused, match="sharpness"):
        world.logging_policy(sharpness=math.nan)
    with pytest.raises(refused, match="sample"):
        world.logging_policy(sample=0)
    with pytest.raises(refused, match="its own arms"):
        world.logging_policy().decide(contexts, world.arms[::-1])
    with pytest.raises(refused, match="k is 4"):
        world.logging_policy().decide(contexts, k=4)

    class Mute(Uniform):
        def decide(self, contexts: np.ndarray, arms: list[Any], **asked: Any) -> Any:
            return arms

    with pytest.raises(refused, match="the policy answered"):
        world.run(Mute(), 4, batch=2)


@pytest.mark.parametrize(
    ("X", "y", "word"),
    [
        (np.zeros((0, 2)), [], "n above 0"),
        (np.zeros((2, 2)), ["a"], "shape"),
        (np.zeros(2), ["a", "b"], "shape"),
        ([[0.0], [math.nan]], ["a", "b"], "row 1 that is not finite"),
        ([[0.0], [1.0]], [1.0, math.nan], "no label in row 1"),
        ([[0.0], [1.0]], np.array([None, "b"], object), "no label in row 0"),
    ],
)
def test_rows_without_sense_are_refused(X: Any, y: Any, word: str) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=word):
        simulate.from_classification(X, y)
    with pytest.raises(errors.InvalidArgumentError, match="seed"):
        simulate.from_classification([[0.0]], ["a"], seed=-1)
