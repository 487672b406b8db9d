"""Each policy against its formula in NumPy, and what each of its parameters does."""

from __future__ import annotations

import itertools
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import penchant as pn
from penchant.errors import InvalidArgumentError

ARMS = ["a", "b", "c", "d"]
RANDOM = np.random.default_rng(3)
CONTEXTS = RANDOM.standard_normal((300, 3))
INDEX = RANDOM.integers(0, 4, 300)
CHOSEN = [ARMS[i] for i in INDEX]
REWARDS = (RANDOM.random(300) < 0.3 + 0.1 * INDEX + 0.2 * (CONTEXTS[:, 0] > 0)).astype(float)
ASKED = CONTEXTS[:20]
CLOSE = {"atol": 2e-5}  # contexts are rounded to 2^-20


def learnt(policy, **more):
    return policy.update(CONTEXTS, CHOSEN, REWARDS, **more)


def with_one(x):
    return np.column_stack([np.ones(len(x)), x])


def ridge(l2=1.0, intercept=True, prior=None):
    """Means and deviations [20, arms]."""
    x = with_one(CONTEXTS) if intercept else CONTEXTS
    asked = with_one(ASKED) if intercept else ASKED
    mean, deviation = [], []
    for arm in range(4):
        mine = arm == INDEX
        gram = l2 * np.eye(x.shape[1]) + x[mine].T @ x[mine]
        start = 0 if prior is None else l2 * prior
        mean.append(asked @ np.linalg.solve(gram, x[mine].T @ REWARDS[mine] + start))
        deviation.append(np.sqrt(np.einsum("ij,ji->i", asked, np.linalg.solve(gram, asked.T))))
    return np.array(mean).T, np.array(deviation).T


def best(scores):
    top = scores == scores.max(axis=1, keepdims=True)
    return top / top.sum(axis=1, keepdims=True)


def test_greedy():
    np.testing.assert_allclose(
        learnt(pn.Greedy()).probabilities(ASKED, ARMS), best(ridge()[0]), **CLOSE
    )


def test_ties_are_split():
    p = pn.Greedy().probabilities(ASKED, ARMS)
    np.testing.assert_allclose(p, 0.25)


@pytest.mark.parametrize("epsilon", [0.0, 0.2, 1.0])
def test_epsilon_greedy(epsilon):
    p = learnt(pn.EpsilonGreedy(epsilon=epsilon)).probabilities(ASKED, ARMS)
    np.testing.assert_allclose(p, (1 - epsilon) * best(ridge()[0]) + epsilon / 4, **CLOSE)


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_softmax(temperature):
    p = learnt(pn.Softmax(temperature=temperature)).probabilities(ASKED, ARMS)
    e = np.exp(ridge()[0] / temperature)
    np.testing.assert_allclose(p, e / e.sum(axis=1, keepdims=True), atol=1e-4)


@pytest.mark.parametrize(("gamma", "exponent"), [(10, 0.5), (25, 0.0), (0, 0.5)])
def test_square_cb(gamma, exponent):
    p = learnt(pn.SquareCB(gamma=gamma, gamma_exponent=exponent)).probabilities(ASKED, ARMS)
    mean = ridge()[0]
    gap = mean.max(axis=1, keepdims=True) - mean
    expected = 1 / (4 + gamma * 300**exponent * gap)
    rest = 1 - np.where(gap == 0, 0, expected).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(p, np.where(gap == 0, rest, expected), atol=1e-3)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("l2", [0.3, 5.0])
@pytest.mark.parametrize("intercept", [True, False])
def test_lin_ucb(alpha, l2, intercept):
    policy = learnt(pn.LinUCB(alpha=alpha, l2=l2, intercept=intercept))
    mean, deviation = ridge(l2, intercept)
    np.testing.assert_allclose(
        policy.probabilities(ASKED, ARMS), best(mean + alpha * deviation), **CLOSE
    )


@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_lin_ts_of_two_arms(scale):
    policy = learnt(pn.LinTS(scale=scale))
    mean, deviation = (table[:, :2] for table in ridge())
    z = (mean[:, 0] - mean[:, 1]) / (scale * np.hypot(deviation[:, 0], deviation[:, 1]))
    expected = [NormalDist().cdf(value) for value in z]
    np.testing.assert_allclose(policy.probabilities(ASKED, ARMS[:2])[:, 0], expected, atol=1e-4)


def test_lin_ts_of_four_arms_is_the_share_of_draws():
    p = learnt(pn.LinTS()).probabilities(ASKED[:1], ARMS)[0]
    mean, deviation = ridge()
    draws = mean[0] + deviation[0] * np.random.default_rng(0).standard_normal((400_000, 4))
    np.testing.assert_allclose(p, np.bincount(draws.argmax(axis=1), minlength=4) / 4e5, atol=4e-3)


def test_shared_thompson_counts_its_draws():
    features = np.eye(4)[:, :3]
    for draws in (4, 64):
        policy = learnt(pn.LinTS(model="shared", draws=draws), arm_features=features[INDEX])
        p = policy.probabilities(ASKED, ARMS, arm_features=features)
        np.testing.assert_allclose(p * draws, np.round(p * draws), atol=1e-9)
    many = learnt(pn.LinTS(model="shared", draws=20_000), arm_features=features[INDEX])
    z = np.einsum("ri,aj->raij", with_one(ASKED[:2]), with_one(features)).reshape(2, 4, 16)
    x = np.einsum("ri,rj->rij", with_one(CONTEXTS), with_one(features[INDEX])).reshape(300, 16)
    gram = np.eye(16) + x.T @ x
    theta = np.random.default_rng(1).multivariate_normal(
        np.linalg.solve(gram, x.T @ REWARDS), np.linalg.inv(gram), 100_000
    )
    expected = [np.bincount((theta @ z[r].T).argmax(axis=1), minlength=4) / 1e5 for r in (0, 1)]
    p = many.probabilities(ASKED[:2], ARMS, arm_features=features)
    np.testing.assert_allclose(p, expected, atol=0.015)


def test_ucb1():
    policy = pn.UCB1(alpha=0.7)
    np.testing.assert_allclose(policy.probabilities(None, ARMS), 0.25)
    policy.update(None, ["a", "a", "b"], [1.0, 0.0, 0.4])
    np.testing.assert_allclose(policy.probabilities(None, ARMS), [[0, 0, 0.5, 0.5]])
    policy.update(None, ["c", "d"], [0.1, 0.2])
    index = np.array([0.5, 0.4, 0.1, 0.2]) + 0.7 * np.sqrt(2 * np.log(5) / [2, 1, 1, 1])
    np.testing.assert_allclose(policy.probabilities(None, ARMS), best(index[None]))


@pytest.mark.parametrize("prior", [(1.0, 1.0), (2.0, 8.0)])
def test_beta_thompson(prior):
    policy = pn.BetaThompson(prior_success=prior[0], prior_failure=prior[1])
    policy.update(None, ["a"] * 6 + ["b"] * 4, [1, 1, 0, 0, 0, 0.5, 1, 1, 1, 0])
    draws = np.random.default_rng(0).beta(
        prior[0] + np.array([2.5, 3, 0]), prior[1] + np.array([3.5, 1, 0]), (400_000, 3)
    )
    p = policy.probabilities(None, ["a", "b", "c"])[0]
    np.testing.assert_allclose(p, np.bincount(draws.argmax(axis=1), minlength=3) / 4e5, atol=4e-3)


def test_bagging_is_a_vote_of_replicas():
    policy = learnt(pn.Bagging(replicas=8))
    p = policy.probabilities(ASKED, ARMS)
    np.testing.assert_allclose(p * 8, np.round(p * 8), atol=1e-12)
    assert (p.max(axis=1) < 1).any()
    mixed = learnt(pn.Bagging(replicas=8, epsilon=0.2)).probabilities(ASKED, ARMS)
    np.testing.assert_allclose(mixed, 0.8 * p + 0.05)
    other = learnt(pn.Bagging(replicas=8, seed=1)).probabilities(ASKED, ARMS)
    assert not np.array_equal(other, p)


def test_logistic_ts_finds_the_maximum_of_the_likelihood():
    random = np.random.default_rng(0)
    x = random.standard_normal((4000, 2))
    truth = np.array([-0.5, 1.5, -0.8])
    odds = with_one(x) @ truth
    reward = (random.random(4000) < 1 / (1 + np.exp(-odds))).astype(float)
    policy = pn.LogisticTS().update(x, ["a"] * 4000, reward)
    theta = np.zeros(3)
    for _ in range(30):  # Newton's method, with the same prior
        p = 1 / (1 + np.exp(-(with_one(x) @ theta)))
        gram = np.eye(3) + (with_one(x) * (p * (1 - p))[:, None]).T @ with_one(x)
        theta += np.linalg.solve(gram, with_one(x).T @ (reward - p) - theta)
    # Against an arm of nothing: P(log odds > those of the prior).
    asked = random.standard_normal((30, 2))
    z = with_one(asked) @ theta
    spread = np.sqrt(
        np.einsum("ij,ji->i", with_one(asked), np.linalg.solve(gram, with_one(asked).T))
        + (with_one(asked) ** 2).sum(axis=1)
    )
    expected = [NormalDist().cdf(value) for value in z / spread]
    found = policy.probabilities(asked, ["a", "new"])[:, 0]
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_scale_of_logistic_ts():
    narrow = learnt(pn.LogisticTS(scale=0.05)).probabilities(ASKED, ARMS)
    wide = learnt(pn.LogisticTS(scale=2.0)).probabilities(ASKED, ARMS)
    assert narrow.max(axis=1).mean() > wide.max(axis=1).mean() + 0.2


def test_hybrid_starts_new_arms_from_their_features():
    features = np.array([[0.0], [1.0], [2.0], [3.0]])
    policy = learnt(pn.Softmax(temperature=1.0, model="hybrid"), arm_features=features[INDEX])
    arms, asked = ["like_a", "like_d"], np.array([[0.0], [3.0]])
    z = np.einsum("ri,rj->rij", with_one(CONTEXTS), with_one(features[INDEX])).reshape(300, 8)
    beta = np.linalg.solve(np.eye(8) + z.T @ z, z.T @ REWARDS)
    new = np.einsum("ri,aj->raij", with_one(ASKED), with_one(asked)).reshape(20, 2, 8) @ beta
    p = policy.probabilities(ASKED, arms, arm_features=asked)
    np.testing.assert_allclose(np.log(p[:, 1] / p[:, 0]), new[:, 1] - new[:, 0], atol=1e-4)


def test_hybrid_without_features_pools_arms():
    policy = learnt(pn.Softmax(temperature=1.0, model="hybrid"))
    x = with_one(CONTEXTS)
    pooled = np.linalg.solve(np.eye(4) + x.T @ x, x.T @ REWARDS)
    mean = ridge(prior=pooled)[0]
    p = policy.probabilities(ASKED, [*ARMS, "new"])
    np.testing.assert_allclose(np.log(p[:, 1] / p[:, 0]), mean[:, 1] - mean[:, 0], atol=1e-4)
    new = with_one(ASKED) @ pooled
    np.testing.assert_allclose(np.log(p[:, 4] / p[:, 0]), new - mean[:, 0], atol=1e-4)


def test_without_interactions_contexts_cancel():
    features = np.array([[0.0], [1.0], [2.0], [3.0]])
    policy = learnt(pn.Softmax(model="shared", interactions=False), arm_features=features[INDEX])
    p = policy.probabilities(ASKED, ARMS, arm_features=features)
    np.testing.assert_allclose(p, np.tile(p[:1], (20, 1)), atol=1e-9)


def test_features_alone():
    """A plain linear model of pairs: no contexts, no intercept."""
    pairs = RANDOM.standard_normal((6, 4, 3))
    policy = pn.Softmax(model="shared", intercept=False, temperature=1.0)
    x = CONTEXTS
    policy.update(np.empty((300, 0)), CHOSEN, REWARDS, arm_features=x)
    theta = np.linalg.solve(np.eye(3) + x.T @ x, x.T @ REWARDS)
    e = np.exp(pairs @ theta)
    p = policy.probabilities(np.empty((6, 0)), ARMS, arm_features=pairs)
    np.testing.assert_allclose(p, e / e.sum(axis=1, keepdims=True), **CLOSE)


def test_floors():
    p = learnt(pn.LinUCB(min_probability=0.1)).probabilities(ASKED, ARMS)
    q = learnt(pn.LinUCB()).probabilities(ASKED, ARMS)
    np.testing.assert_allclose(p, 0.6 * q + 0.1)
    all_alike = learnt(pn.LinUCB(min_probability=0.9)).probabilities(ASKED, ARMS)
    np.testing.assert_allclose(all_alike, 0.25)


@pytest.mark.parametrize("name", ["Softmax", "UCB1", "BetaThompson"])
def test_discount_forgets(name):
    given = {"temperature": 0.2} if name == "Softmax" else {}
    old = ["a", "b"] * 200
    then = [1.0, 0.0] * 200
    lasting = getattr(pn, name)(**given).update(np.zeros((400, 1)), old, then)
    fading = getattr(pn, name)(discount=0.9, **given).update(np.zeros((400, 1)), old, then)
    for policy in (lasting, fading):
        policy.update(np.zeros((80, 1)), ["a", "b"] * 40, [0.0, 1.0] * 40)
    asked = np.zeros((1, 1))
    assert lasting.probabilities(asked, ["a", "b"])[0, 0] > 0.5
    assert fading.probabilities(asked, ["a", "b"])[0, 0] < 0.5
    with pytest.raises(InvalidArgumentError, match="age"):
        fading.undo(asked, ["b"], [1.0])
    fading.undo(asked, ["b"], [1.0], age=[0])


@pytest.mark.parametrize("name", ["LinTS", "LogisticTS"])
def test_hybrid_events_that_fade_are_taken_back_by_both_ages(name):
    policy = getattr(pn, name)(model="hybrid", discount=0.9, draws=16)
    contexts = np.random.default_rng(4).standard_normal((30, 2))
    policy.update(contexts, ["a", "b"] * 15, [1.0, 0.0] * 15, event=np.arange(30))
    given = {"contexts": contexts[20:21], "arm": ["a"], "reward": [1.0], "event": [20]}
    with pytest.raises(InvalidArgumentError, match="age_of_all"):
        policy.undo(**given, age=[4])
    policy.undo(**given, age=[4], age_of_all=[9])
    assert policy.num_events_ == 29


def test_widths_are_checked():
    with pytest.raises(InvalidArgumentError, match="columns"):
        pn.LinUCB(dimension=3).decide(np.zeros((1, 2)), ARMS)
    with pytest.raises(InvalidArgumentError, match="features"):
        pn.LinUCB(model="shared", arm_dimension=2).decide(
            np.zeros((1, 2)), ARMS, arm_features=np.zeros((4, 3))
        )
    for bad in ({"model": "none"}, {"dimension": -1}, {"l2": "1"}, {"intercept": 1}, {"l2": 0.0}):
        with pytest.raises(InvalidArgumentError):
            pn.LinUCB(**bad).decide(np.zeros((1, 2)), ARMS)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_warm_start(make):
    log = {"x": CONTEXTS[:, 0], "y": CONTEXTS[:, 1], "arm": CHOSEN, "reward": REWARDS}
    policy = pn.LinUCB().warm_start(
        make({**log, "p": np.full(300, 0.25)}), context=["x", "y"], propensity="p"
    )
    expected = pn.LinUCB().update(CONTEXTS[:, :2], CHOSEN, REWARDS)
    assert policy.to_bytes() == expected.to_bytes()
    with pytest.raises(InvalidArgumentError, match="'z'"):
        pn.LinUCB().warm_start(make(log), context=["z"])


def test_slates_have_plackett_luce_probabilities():
    policy = learnt(pn.Softmax(temperature=0.3))
    p = policy.probabilities(ASKED[:1], ARMS)[0]
    rows = np.tile(ASKED[:1], (50_000, 1))
    shown = policy.decide(rows, ARMS, k=2)
    for one, two in itertools.permutations(range(4), 2):
        expected = p[one] * p[two] / (1 - p[one])
        here = (shown.arm[:, 0] == ARMS[one]) & (shown.arm[:, 1] == ARMS[two])
        assert abs(here.mean() - expected) < 5 * np.sqrt(expected / 50_000)
        np.testing.assert_allclose(shown.log_probability[here], np.log(expected), rtol=1e-9)


def test_large_rewards_and_contexts_go_on_adding():
    """Sums outgrow 64 bits: nothing is lost."""
    policy = pn.LinUCB(l2=1.0)
    contexts = np.full((4000, 2), 2047.0) * [1, -1]
    policy.update(contexts, ["a"] * 4000, np.full(4000, 1e6))
    before = policy.to_bytes()
    policy.update(contexts, ["a"] * 4000, np.full(4000, 1e6))
    policy.undo(contexts, ["a"] * 4000, np.full(4000, 1e6))
    assert (
        policy.probabilities(contexts[:1], ["a", "b"]).tolist()
        == pn.LinUCB.from_bytes(before).probabilities(contexts[:1], ["a", "b"]).tolist()
    )


def test_lin_ucb_learns_a_linear_world():
    random = np.random.default_rng(0)
    truth = random.standard_normal((10, 8)) / np.sqrt(8)
    contexts = random.standard_normal((3000, 8))
    arms = list(range(10))

    def regret(policy):
        total = 0.0
        for row in range(0, 3000, 5):
            x = contexts[row : row + 5]
            shown = policy.decide(x, arms).arm
            value = x @ truth.T
            got = value[np.arange(5), shown]
            total += float((value.max(axis=1) - got).sum())
            policy.update(x, shown, got + 0.3 * random.standard_normal(5))
        return total

    uniform = regret(pn.Uniform())
    for policy in (pn.LinUCB(alpha=0.5), pn.LinTS(scale=0.3), pn.SquareCB(gamma=10), pn.Bagging()):
        assert regret(policy) < 0.15 * uniform, policy


def test_arms_are_found_again_once_they_are_learnt():
    policy, arms, context = pn.LinUCB(), ["news", "sale"], [[1.0, 0.5]]
    before = policy.probabilities(context, arms)
    assert np.array_equal(policy.probabilities(context, arms), before)
    policy.update(context, "sale", 1.0)
    fresh = pn.LinUCB().update(context, ["sale"], [1.0])
    now = policy.probabilities(context, arms)
    assert np.array_equal(now, fresh.probabilities(context, arms))
    assert not np.array_equal(now, before)
    arms.append("story")  # the caller's list, not the policy's
    assert policy.probabilities(context, arms).shape == (1, 3)
    with pytest.raises(InvalidArgumentError, match="more than once"):
        policy.decide(context, [*arms, "news"])


def test_an_old_file_goes_on_as_it_did():
    policy = pn.bandits.load(Path(__file__).parents[1] / "golden" / "policy_v1.penchant")
    assert isinstance(policy, pn.Softmax)
    assert policy.num_events_ == 60
    asked = {"contexts": [[0.5, -1.25], [0.0, 2.0]], "arms": ["news", "sale", "story"]}
    features = [[1.0], [0.0], [0.5]]
    assert policy.probabilities(**asked, arm_features=features).tolist() == [
        [0.12447803522358092, 0.3889738008309056, 0.4865481639455135],
        [0.027461934705345713, 0.04917260399717342, 0.923365461297481],
    ]
    shown = policy.decide(**asked, k=2, arm_features=features)
    assert shown.arm.tolist() == [["story", "sale"], ["story", "sale"]]
    assert shown.decision_id.tolist() == [5, 6]
