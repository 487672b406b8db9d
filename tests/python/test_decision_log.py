"""From a log of decisions to the arrays of off-policy estimates."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import penchant as pn
from penchant import errors

ARMS = ["news", "sale", "story"]
FEATURES = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def played(policy: Any, *, rounds: int = 200, k: int = 1, folder: Any = None, **more: Any) -> Any:
    """A loop that decided, was rewarded and whose deadlines have passed."""
    rng = np.random.default_rng(3)
    loop = pn.bandits.Loop(policy, folder, "1h", **more.pop("loop", {}))
    contexts = rng.standard_normal((rounds, 2))
    for part in np.split(np.arange(rounds), 4):
        shown = loop.decide(contexts[part], ARMS, k=k, times=[float(part[0])], **more)
        arm = shown.arm if k > 1 else shown.arm[:, None]
        for slot in range(k):
            value = (arm[:, slot] == "sale") * 1.0 + (contexts[part, 0] > 0)
            loop.reward_many({"decision_id": shown.decision_id, "value": value,
                              "slot": [slot] * len(part)})  # fmt: skip
    return loop


def closed(loop: Any) -> Any:
    return loop.pass_time("2000-01-01")


POLICIES = [
    pn.LinUCB(dimension=2, min_probability=0.05, seed=1),
    pn.LinTS(dimension=2, seed=2),
    pn.LinTS(dimension=2, model="hybrid", arm_dimension=2, draws=64, seed=3),
    pn.SquareCB(dimension=2, model="shared", arm_dimension=2, seed=4),
    pn.LogisticTS(dimension=2, seed=5),
    pn.Bagging(dimension=2, replicas=5, seed=6),
    pn.EpsilonGreedy(epsilon=0.3, dimension=2, seed=7),
    pn.Greedy(dimension=2, seed=8),
    pn.Softmax(dimension=2, seed=9),
    pn.BetaThompson(seed=10),
    pn.UCB1(seed=11),
    pn.Uniform(seed=12),
]


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("policy", POLICIES, ids=lambda one: f"{type(one).__name__}")
def test_of_the_policy_that_decided_the_target_is_what_was_logged(policy: Any, k: int) -> None:
    features = FEATURES if getattr(policy, "model", "disjoint") != "disjoint" else None
    loop = closed(played(policy, k=k, arm_features=features, rounds=80))
    log = pn.off_policy.from_log(loop.log("pyarrow"), arms=ARMS)
    assert len(log) == 80 * k
    assert log.decisions == 80
    assert log.arms == ARMS
    assert log.contexts.shape[0] == 80 * k
    target = log.target(policy)
    taken = target[np.arange(len(log)), log.action]
    np.testing.assert_allclose(taken, log.logged, rtol=1e-9)
    np.testing.assert_allclose(target.sum(axis=1), 1.0, rtol=1e-12)
    reward, logged, shown = log.lists(target)
    assert reward.shape == (80, k)
    np.testing.assert_allclose(logged, shown, rtol=1e-9)
    assert reward.sum() == pytest.approx(log.reward.sum())


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "dict", "parquet", "folder"])
def test_every_form_of_the_log_gives_the_same_arrays(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "loop"
    loop = closed(played(pn.LinUCB(dimension=2, min_probability=0.1, seed=1), folder=folder, k=2))
    expected = pn.off_policy.from_log(loop.log("pyarrow"))
    frame = loop.log("pyarrow")
    source: Any = frame.to_pydict()
    if kind in ("pandas", "polars", "pyarrow"):
        source = loop.log(kind)
    elif kind == "parquet":
        source = tmp_path / "log.parquet"
        loop.log_to_parquet(source)
    elif kind == "folder":
        source = str(folder)
        beside = pn.off_policy.from_log(source, deadline="1h")  # the loop has it open
        np.testing.assert_array_equal(beside.reward, expected.reward)
    loop.close()
    found = pn.off_policy.from_log(source, **({"deadline": "1h"} if kind == "folder" else {}))
    for name in ("action", "reward", "logged", "position", "contexts", "decision_id",
                 "arm_features", "candidates_hash"):  # fmt: skip
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    assert found.arms == expected.arms
    assert found.waiting == expected.waiting == 0


@pytest.mark.parametrize("kind", ["pandas", "pyarrow", "parquet", "folder"])
def test_a_log_says_what_it_no_longer_has(kind: str, tmp_path: Path) -> None:
    policy = pn.LinUCB(dimension=2, min_probability=0.1, seed=1)
    folder = tmp_path / "loop"
    whole = closed(played(policy, rounds=20_000, folder=tmp_path / "whole"))
    kept = played(policy, rounds=20_000, folder=folder, loop={"keep": "70m"})
    assert kept.dropped() is None
    kept.snapshot()
    closed(kept)
    dropped = kept.dropped()
    assert 0 < dropped.decisions < 20_000
    assert dropped.until.year == 1970
    assert f"{dropped.decisions:,} decisions up to 1970-01-01" in str(dropped)
    source: Any = tmp_path / "log.parquet"
    if kind in ("pandas", "pyarrow"):
        source = kept.log(kind)
    elif kind == "parquet":
        kept.log_to_parquet(source)
    else:
        source = folder
    state = kept.state()
    kept.close()
    found = pn.off_policy.from_log(source, arms=ARMS, deadline="1h")
    expected = pn.off_policy.from_log(whole.log("pyarrow"), arms=ARMS)
    assert found.dropped == dropped
    assert expected.dropped is None
    assert found.decisions == 20_000 - dropped.decisions
    for name in ("action", "reward", "logged", "contexts"):
        left = getattr(expected, name)[-len(found) :]
        np.testing.assert_array_equal(getattr(found, name), left, err_msg=name)
    again = pn.bandits.Loop(policy, folder, "1h")
    assert again.state() == state
    assert again.dropped() == dropped


def test_estimates_from_a_log_are_those_of_the_other_policys_own_log() -> None:
    rng = np.random.default_rng(0)
    world = rng.standard_normal((3, 2))

    def play(policy: Any, rounds: int, seed: int) -> Any:
        contexts = np.random.default_rng(seed).standard_normal((rounds, 2))
        loop = pn.bandits.Loop(policy, None, "1h")
        shown = loop.decide(contexts, ARMS, times=[0.0])
        at = np.array([ARMS.index(one) for one in shown.arm])
        mean = 1 / (1 + np.exp(-(contexts * world[at]).sum(axis=1)))
        value = (np.random.default_rng(seed + 1).random(rounds) < mean) * 1.0
        loop.reward_many({"decision_id": shown.decision_id, "value": value})
        return loop.pass_time("2000-01-01")

    logging = pn.Softmax(dimension=2, seed=1)
    taught = pn.LinUCB(dimension=2, min_probability=0.02, seed=2)
    early = pn.off_policy.from_log(play(logging, 2000, 10).log(), arms=ARMS)
    taught.update(early.contexts, [ARMS[a] for a in early.action], early.reward)
    log = pn.off_policy.from_log(play(logging, 20_000, 20).log(), arms=ARMS)
    truth = pn.off_policy.from_log(play(taught, 20_000, 30).log(), arms=ARMS).reward.mean()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pn.off_policy.estimate(log.action, log.reward, log.logged, log.target(taught))
    assert truth > log.reward.mean() + 0.05
    assert found["snips"].low < truth < found["snips"].high
    by_hand = log.target(lambda contexts: taught.probabilities(contexts, ARMS))
    np.testing.assert_array_equal(by_hand, log.target(taught))


def test_slates_are_judged_as_lists() -> None:
    policy = pn.Softmax(dimension=2, seed=1)
    log = pn.off_policy.from_log(closed(played(policy, k=2, rounds=4000)).log(), arms=ARMS)
    for model in ("standard", "interaction", "independent"):
        same = pn.off_policy.slate(*log.lists(log.target(policy)), model=model)
        assert same.value == pytest.approx(2 * log.reward.mean())
    # One that always has "sale" first earns what those lists did.
    sale = log.target(lambda contexts: np.tile([0.0, 1.0, 0.0], (len(contexts), 1)) + 1e-9)
    found = pn.off_policy.slate(*log.lists(sale), normalized=True)
    rewards = log.reward.reshape(-1, 2)
    first = log.action.reshape(-1, 2)[:, 0] == ARMS.index("sale")
    assert found.low < rewards[first].sum(axis=1).mean() < found.high


def test_slots_that_wait_and_slots_without_a_reward() -> None:
    loop = pn.bandits.Loop(pn.Uniform(), None, "1h", default_reward=None)
    shown = loop.decide(None, ARMS, times=[0.0])
    with pytest.raises(errors.InvalidArgumentError, match="all 1 slots still wait"):
        pn.off_policy.from_log(loop.log())
    loop.reward(int(shown.decision_id[0]), 2.0)
    loop.decide(None, ARMS, times=[10.0])
    loop.pass_time(3700)
    loop.decide(None, ARMS, times=[3800.0])
    with pytest.raises(errors.InvalidArgumentError, match=r"row 1 .*default_reward"):
        pn.off_policy.from_log(loop.log())
    log = pn.off_policy.from_log(loop.log(), default_reward=-1.0)
    assert log.reward.tolist() == [2.0, -1.0]
    assert log.waiting == 1
    assert log.contexts.shape == (2, 0)


def test_what_could_not_be_shown_must_be_said() -> None:
    loop = pn.bandits.Loop(pn.Uniform(seed=2), None, "1h")
    blocked = np.zeros((60, 3), bool)
    blocked[::2, 1] = True
    loop.decide(np.zeros((60, 0)), ARMS, times=[0.0], blocked=blocked)
    log = pn.off_policy.from_log(closed(loop).log(), arms=ARMS)
    with pytest.raises(errors.InvalidArgumentError, match="2 different sets of candidates"):
        log.target(pn.Uniform())
    taken = np.arange(60), log.action
    for policy in (pn.Uniform(), lambda contexts: np.full((len(contexts), 3), 1 / 3)):
        np.testing.assert_allclose(log.target(policy, blocked=blocked)[taken], log.logged)
        np.testing.assert_allclose(log.target(policy, blocked=False)[taken], 1 / 3)
    with pytest.raises(errors.InvalidArgumentError, match="booleans"):
        log.target(pn.Uniform(), blocked=np.zeros(60, bool))
    with pytest.raises(errors.BadDataError, match=r"row 0: .*nothing"):
        log.target(lambda contexts: np.tile([0.0, 1.0, 0.0], (len(contexts), 1)), blocked=blocked)


def test_attributes_of_arms_come_from_the_log_unless_they_change() -> None:
    policy = pn.LinTS(dimension=2, model="shared", arm_dimension=2, draws=64, seed=3)
    loop = closed(played(policy, arm_features=FEATURES))
    log = pn.off_policy.from_log(loop.log(), arms=[*ARMS, "new"])
    with pytest.raises(errors.InvalidArgumentError, match="'new', which was never shown"):
        log.target(policy)
    own = pn.off_policy.from_log(loop.log(), arms=ARMS)
    np.testing.assert_array_equal(own.target(policy), own.target(policy, arm_features=FEATURES))
    rng = np.random.default_rng(1)
    each = rng.standard_normal((50, 3, 2))
    loop = pn.bandits.Loop(policy, None, "1h")
    loop.decide(np.zeros((50, 2)), ARMS, arm_features=each, times=[0.0])
    log = pn.off_policy.from_log(closed(loop).log(), arms=ARMS)
    with pytest.raises(errors.InvalidArgumentError, match="change from decision to decision"):
        log.target(policy, blocked=False)
    target = log.target(policy, arm_features=each, blocked=False)
    np.testing.assert_allclose(target[np.arange(50), log.action], log.logged, rtol=1e-9)


def table(**columns: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "decision_id": [1, 1, 2], "arm": ["a", "b", "a"], "slot": [0, 1, 0],
        "propensity": [0.5, 1.0, 0.5], "reward": [1.0, 0.0, 0.0], "closed": [True] * 3,
        "context": [[1.0], [1.0], [2.0]],
    }  # fmt: skip
    given |= columns
    return {name: value for name, value in given.items() if value is not None}


def test_a_table_of_ones_own() -> None:
    log = pn.off_policy.from_log(table())
    assert log.action.tolist() == [0, 1, 0]
    assert log.position.tolist() == [0, 1, 0]
    assert log.contexts.tolist() == [[1.0], [1.0], [2.0]]
    assert log.candidates_hash is None
    target = log.target(lambda contexts: np.tile([0.25, 0.75], (len(contexts), 1)))
    assert target.tolist() == [[0.25, 0.75], [0.0, 1.0], [0.25, 0.75]]
    reward, logged, shown = log.lists(target)
    assert reward.tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert logged.tolist() == [[0.5, 1.0], [0.5, 1.0]]
    assert shown.tolist() == [[0.25, 1.0], [0.25, 1.0]]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (table(reward=None), "no column 'reward'"),
        (table(propensity=[0.5, 1.5, 0.5]), "row 1: propensity 1.5"),
        (table(reward=[1.0, np.inf, 0.0]), "row 1: reward inf"),
        (table(slot=[0, 2, 0]), "row 1: slot 2 of decision 1"),
        (table(slot=[1, 0, 0]), "row 0: slot 1"),
        (table(decision_id=[1, 3, 2]), "row 1: slot 1 of decision 3"),
        (table(context=[[1.0], [1.0], [2.0, 3.0]]), "context has 2 numbers in row 2 and 1"),
        (table(placement=["a", "a", "b"]), "decisions were made at 'a', 'b'; name one"),
        ({name: [] for name in table()}, "no decisions"),
        (3, "not int"),
        ("nowhere.parquet", "neither a Parquet file nor"),
    ],
)
def test_what_is_no_log_is_told(given: Any, words: str) -> None:
    with pytest.raises(errors.PenchantError, match=words):
        pn.off_policy.from_log(given)


def test_arms_and_places_are_told() -> None:
    with pytest.raises(errors.BadDataError, match="row 1: 'b' was shown and is not among arms"):
        pn.off_policy.from_log(table(), arms=["a"])
    with pytest.raises(errors.InvalidArgumentError, match="twice"):
        pn.off_policy.from_log(table(), arms=["a", "b", "a"])
    with pytest.raises(errors.InvalidArgumentError, match="no decisions of placement 'c'"):
        pn.off_policy.from_log(table(placement=["a", "a", "b"]), placement="c")
    with pytest.raises(errors.InvalidArgumentError, match="no column 'policy'"):
        pn.off_policy.from_log(table(), policy="p")
    assert len(pn.off_policy.from_log(table(placement=["a", "a", "b"]), placement="b")) == 1
    with pytest.raises(errors.InvalidArgumentError, match=r"are \[2, 3\], not \[2, 2\]"):
        pn.off_policy.from_log(table()).target(lambda contexts: np.ones((len(contexts), 3)))
    one = pa.table(table(policy=["p", "p", "q"], context=[[1.0], [1.0], [2.0, 3.0]]))
    assert pn.off_policy.from_log(one, policy="q").contexts.tolist() == [[2.0, 3.0]]
