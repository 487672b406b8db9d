"""Choosing estimators, models of rewards, learned policies and the check that they are better."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import penchant as pn
from penchant.errors import BadDataError, InvalidArgumentError, NotFittedError

op = pn.off_policy
pytestmark = pytest.mark.filterwarnings("ignore::penchant.off_policy.OffPolicyWarning")
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "off_policy"


def made_log(rounds=3000, seed=0):
    """Four actions, the best of which depends on the context; logged by a mild preference."""
    rng = np.random.default_rng(seed)
    contexts = rng.normal(size=(rounds, 3))
    chance = np.stack(
        [
            1 / (1 + np.exp(-score))
            for score in (
                1.5 * contexts[:, 0] - 1,
                -1.5 * contexts[:, 0] - 1,
                1.5 * contexts[:, 1] - 1,
                np.full(rounds, -1.5),
            )
        ],
        axis=1,
    )
    logging = np.tile([0.4, 0.3, 0.2, 0.1], (rounds, 1))
    action = (logging.cumsum(axis=1) > rng.random(rounds)[:, None]).argmax(axis=1)
    reward = (rng.random(rounds) < chance[np.arange(rounds), action]).astype(float)
    return contexts, action, reward, logging, chance


# Selection --------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["ips", "switch_dr", "dros"])
@pytest.mark.parametrize("method", ["slope", "mse"])
def test_selection_equal_to_the_public_library(family, method):
    content = json.loads((GOLDEN / "rounds.json").read_text(encoding="utf-8"))
    log = {key: np.asarray(value) for key, value in content["arrays"].items()}
    parameter = {"ips": "clip", "switch_dr": "tau", "dros": "lambda_"}[family]
    names = [f"{family}({parameter}={value:g})" for value in (0.5, 2, 10, 100)]
    chosen = op.select(
        log["action"],
        log["reward"],
        log["logged"],
        log["target"],
        None if family == "ips" else log["q"],
        names,
        log["position"],
        method=method,
    )
    value = content["values"][f"{family}, chosen by {method}"]
    assert chosen.best.name == f"{family}({parameter}={value:g})"
    known = content["values"][f"{family}, by {method}"]
    assert chosen.best.value == pytest.approx(known, abs=1e-9)
    assert set(chosen.scores) == set(names)
    assert f"* chosen by {method}" in repr(chosen)
    assert "<pre>" in chosen._repr_html_()


def test_pas_if_takes_what_is_nearest():
    """The model of rewards is wrong, so that weights are needed: direct_method must not win."""
    _, action, reward, logging, _ = made_log(4000)
    target = np.tile([0.1, 0.2, 0.3, 0.4], (4000, 1))
    wrong = np.tile([0.9, 0.1, 0.1, 0.9], (4000, 1))
    how = {"method": "pas_if", "splits": 8}
    names = ["direct_method", "doubly_robust", "snips"]
    chosen = op.select(action, reward, logging, target, wrong, names, **how)
    assert chosen.best.name != "direct_method"
    assert chosen.scores["direct_method"] > 5 * chosen.scores["doubly_robust"]
    again = op.select(action, reward, logging, target, wrong, names, **how)
    assert again.scores == chosen.scores
    with pytest.raises(InvalidArgumentError, match="whole table"):
        op.select(action, reward, logging[:, 0], target, wrong, names, method="pas_if")


def test_pas_if_takes_a_perfect_model_over_wild_weights():
    rng = np.random.default_rng(4)
    rounds = 1500
    chance = rng.random((rounds, 10))
    logging = rng.dirichlet(np.full(10, 0.4), rounds) * 0.95 + 0.005
    target = rng.dirichlet(np.full(10, 0.4), rounds)
    action = (logging.cumsum(axis=1) > rng.random(rounds)[:, None]).argmax(axis=1)
    reward = chance[np.arange(rounds), action] + rng.normal(0, 0.5, rounds)
    chosen = op.select(
        action, reward, logging, target, chance, ["ips", "direct_method"], method="pas_if"
    )
    assert chosen.best.name == "direct_method"


def test_selection_refuses():
    _, action, reward, logging, _ = made_log(50)
    logged = logging[np.arange(50), action]
    with pytest.raises(InvalidArgumentError, match="method must be"):
        op.select(action, reward, logged, logging, None, ["ips", "snips"], method="best")
    with pytest.raises(InvalidArgumentError, match="two candidates"):
        op.select(action, reward, logged, logging, None, ["ips"])
    with pytest.raises(InvalidArgumentError, match="splits"):
        op.select(
            action, reward, logging, logging, None, ["ips", "snips"], method="pas_if", splits=0
        )


# Reward models ----------------------------------------------------------------------------------


def test_cross_fitted_predictions_never_saw_their_round():
    class Memory:
        """Remembers the rewards of rows it has seen, and says 9 of others."""

        def fit(self, X, y):
            self.known = {row.tobytes(): value for row, value in zip(X, y, strict=True)}
            return self

        def predict(self, X):
            return np.array([self.known.get(row.tobytes(), 9.0) for row in X])

    contexts, action, reward, _, _ = made_log(300)
    q = op.RewardModel(Memory(), folds=4).fit_predict(contexts, action, reward, actions=4)
    assert (q[np.arange(300), action] == 9).all()
    whole = op.RewardModel(Memory(), folds=1).fit_predict(contexts, action, reward, actions=4)
    assert (whole[np.arange(300), action] == reward).all()


def test_reward_models_predict_rewards():
    contexts, action, reward, _, chance = made_log(6000)
    base = np.abs(chance - reward.mean()).mean()
    for estimator in (None, pn.GBDTRegressor(trees=60, leaves=15)):
        model = op.RewardModel(estimator, folds=3)
        q = model.fit_predict(contexts, action, reward)
        assert q.shape == (6000, 4)
        assert np.abs(q - chance).mean() < 0.6 * base
        assert len(model.models_) == 3
        assert np.bincount(model.fold_).tolist() == [2000] * 3
        again = op.RewardModel(estimator, folds=3).fit_predict(contexts, action, reward)
        assert (q == again).all()
    fresh, *_, truth = made_log(2000, seed=9)
    assert np.abs(model.predict(fresh) - truth).mean() < 0.6 * base


def test_reward_models_take_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    contexts, action, reward, _, _ = made_log(1000)
    features = np.array([[1.0, 0], [0, 1], [1, 1], [0, 0]])
    ridge = op.RewardModel(linear_model.Ridge(), action_features=features)
    q = ridge.fit_predict(contexts, action, reward + 1, sample_weight=np.ones(1000))
    assert q.shape == (1000, 4)
    logistic = op.RewardModel(linear_model.LogisticRegression())
    q = logistic.fit_predict(contexts, action, 3 * reward - 1)  # rewards of -1 and 2
    assert q.min() > -1
    assert q.max() < 2
    assert abs(q[np.arange(1000), action].mean() - (3 * reward - 1).mean()) < 0.1


def test_reward_models_refuse():
    contexts, action, reward, _, _ = made_log(60)
    with pytest.raises(NotFittedError):
        op.RewardModel().predict(contexts)
    cases = {
        "folds": lambda: op.RewardModel(folds=61).fit_predict(contexts, action, reward),
        "folds must be an integer": lambda: op.RewardModel(folds=2.5).fit_predict(
            contexts, action, reward
        ),
        "from 0 to 2": lambda: op.RewardModel().fit(contexts, action, reward, actions=3),
        "integers": lambda: op.RewardModel().fit(contexts, action[:5], reward),
        "round 3": lambda: op.RewardModel().fit(
            contexts, action, np.where(np.arange(60) == 3, np.nan, reward)
        ),
        "two values": lambda: op.RewardModel(pn.GBDTClassifier(trees=2)).fit(
            contexts, action, reward + np.arange(60)
        ),
        "contexts must be": lambda: op.RewardModel().fit(contexts[:, 0], action, reward),
        "action_features": lambda: op.RewardModel(action_features=np.ones(4)).fit(
            contexts, action, reward
        ),
        "sample_weight": lambda: op.RewardModel().fit(
            contexts, action, reward, sample_weight=[1.0]
        ),
    }
    for words, call in cases.items():
        with pytest.raises((InvalidArgumentError, BadDataError), match=words):
            call()


def test_a_fold_of_one_value_predicts_it():
    contexts, action, _, _, _ = made_log(40)
    q = op.RewardModel().fit_predict(contexts, action, np.zeros(40), actions=4)
    assert (q == 0).all()


def test_a_posterior_of_embeddings():
    """Pairs of actions earn alike: mips by a fitted posterior is near mips by the known one."""
    contexts, action, _, logging, _ = made_log(4000)
    pair = np.array([0, 0, 1, 1])
    reward = pair[action] + 0.5 * (contexts[:, 0] > 0)
    target = np.tile([0.1, 0.4, 0.1, 0.4], (4000, 1))
    posterior = op.embedding_posterior(contexts, action, pair[action], actions=4)
    assert posterior.shape == (4000, 4)
    assert posterior.sum(axis=1) == pytest.approx(1)
    found = op.mips(action, reward, logging, target, posterior=posterior)
    known = op.mips(
        action, reward, logging, target, embedding=pair[action], p_embedding=np.eye(2)[pair]
    )
    assert found.value == pytest.approx(known.value, abs=0.03)
    assert found.low < 0.5 + 0.25 < found.high
    linear_model = pytest.importorskip("sklearn.linear_model")
    other = op.embedding_posterior(
        contexts, action, pair[action], estimator=linear_model.LogisticRegression(), folds=2
    )
    exact = logging * (pair[None, :] == pair[action][:, None])
    exact /= exact.sum(axis=1, keepdims=True)
    assert np.abs(other - exact).mean() < 0.02
    assert np.abs(posterior - exact).mean() < 0.08
    with pytest.raises(InvalidArgumentError, match="folds"):
        op.embedding_posterior(contexts, action, pair[action], folds=1)
    with pytest.raises(InvalidArgumentError, match="embedding must be"):
        op.embedding_posterior(contexts, action, pair[action][:5])
    with pytest.raises(InvalidArgumentError, match="action"):
        op.embedding_posterior(contexts, reward, pair[action])


# Learning ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["ips", "dr"])
def test_learned_policies_beat_the_logging_one(method):
    contexts, action, reward, logging, _ = made_log(6000)
    logged = logging[np.arange(6000), action]
    learner = op.PolicyLearner(method).fit(contexts, action, reward, logged)
    fresh, done, earned, logging, chance = made_log(6000, seed=5)
    target = learner.target(fresh, epsilon=0.05)
    assert target.sum(axis=1) == pytest.approx(1)
    assert target.min() == pytest.approx(0.0125)
    best = chance.max(axis=1).mean()
    value = (target * chance).sum(axis=1).mean()
    logging_value = (logging * chance).sum(axis=1).mean()
    assert value > logging_value + 0.6 * (best - logging_value)
    verdict = op.improves(done, earned, logging[np.arange(6000), done], target)
    assert verdict
    assert 0 < verdict.lower_bound < value - logging_value
    assert verdict.logging_value == earned.mean()
    assert repr(verdict).startswith("better than the logging policy: +")
    proba = learner.predict_proba(fresh)
    assert (proba.argmax(axis=1) == learner.predict(fresh)).all()
    again = op.PolicyLearner(method).fit(contexts, action, reward, logging[np.arange(6000), action])
    assert again.predict_proba(fresh).tolist() == proba.tolist()


def test_the_check_says_no_where_nothing_is_won():
    _, action, reward, logging, chance = made_log(3000)
    logged = logging[np.arange(3000), action]
    same = op.improves(action, reward, logged, logging)
    assert not same
    assert same.difference.value == pytest.approx(0, abs=1e-12)
    worse = op.improves(action, reward, logged, np.eye(4)[np.full(3000, 3)], chance)
    assert not worse
    assert "not shown to be better" in repr(worse)
    strict = op.improves(
        action, reward, logged, np.eye(4)[chance.argmax(axis=1)], chance, method="bernstein"
    )
    usual = op.improves(action, reward, logged, np.eye(4)[chance.argmax(axis=1)], chance)
    assert usual
    assert strict.lower_bound < usual.lower_bound


def test_the_check_keeps_its_level():
    """Where both policies are worth the same, it may say yes in 5% of the logs."""
    rng = np.random.default_rng(0)
    said = 0
    for _ in range(600):
        action = rng.integers(0, 3, 800)
        reward = (rng.random(800) < 0.3).astype(float)
        target = np.tile([0.2, 0.3, 0.5], (800, 1))
        said += bool(op.improves(action, reward, np.full(800, 1 / 3), target))
    assert said / 600 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)


def test_learners_refuse():
    contexts, action, reward, logging, _ = made_log(60)
    logged = logging[np.arange(60), action]
    cases = {
        "ips or dr": lambda: op.PolicyLearner("dm").fit(contexts, action, reward, logged),
        "round 3: logged": lambda: op.PolicyLearner("ips").fit(
            contexts, action, reward, np.where(np.arange(60) == 3, 0, logged)
        ),
        "nothing to learn": lambda: op.PolicyLearner("ips").fit(
            contexts, action, np.ones(60), logged
        ),
        "must be integers": lambda: op.PolicyLearner().fit(contexts, reward, reward, logged),
        "clip": lambda: op.PolicyLearner(clip=0).fit(contexts, action, reward, logged),
    }
    for words, call in cases.items():
        with pytest.raises((InvalidArgumentError, BadDataError), match=words):
            call()
    with pytest.raises(NotFittedError):
        op.PolicyLearner().predict(contexts)
    learner = op.PolicyLearner("ips").fit(contexts, action, reward, logged)
    with pytest.raises(InvalidArgumentError, match="epsilon"):
        learner.target(contexts, epsilon=2)
    # One action is all that ever earned anything.
    alone = op.PolicyLearner("ips").fit(contexts, action, (action == 2) * 1.0, logged)
    assert (alone.predict(contexts) == 2).all()
