"""The loop from Python: deciding, rewards, logs, restarts, forgetting."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import penchant as pn

ARMS = ["news", "sale", "story"]
MINUTE = 60


def make(policy=None, folder=None, **options):
    options.setdefault("deadline", "1m")
    return pn.bandits.Loop(policy or pn.LinUCB(dimension=2, seed=3), folder, **options)


def run(loop, rounds=40, seed=0, arms=ARMS, forget=()):
    """Decide and reward, some twice; the time moves on by ten seconds a round."""
    rng = np.random.default_rng(seed)
    for step in range(rounds):
        people = [f"person-{one}" for one in rng.integers(0, 4, 3)]
        contexts = rng.standard_normal((3, 2))
        shown = loop.decide(contexts, arms, subjects=people, times=10 * step, placement="home")
        for row, person in enumerate(people):
            if person in forget:
                continue
            value = float(rng.random() < 0.4)
            loop.reward(int(shown.decision_id[row]), value, f"r{step}-{row}")
            loop.reward(int(shown.decision_id[row]), value, f"r{step}-{row}")
    return loop


def test_decides_is_rewarded_and_learns_at_the_deadline():
    loop = make()
    shown = loop.decide([[1.0, 0.0], [0.0, 1.0]], ARMS, times=[0, 1], subjects=["ann", None])
    assert shown.arm.shape == (2,)
    assert shown.propensity.shape == (2,)
    first, second = (int(one) for one in shown.decision_id)
    assert loop.reward(first, 2.0, "a") == "accepted"
    assert loop.reward(first, 2.0, "a") == "duplicate"
    assert loop.reward(second, 1.0, time=MINUTE + 1) == "late"
    assert loop.reward(99, 1.0) == "unknown_decision"
    assert loop.policy().num_events_ == 0
    assert loop.counts()["waiting"] == 2
    loop.pass_time(MINUTE)
    assert loop.policy().num_events_ == 1
    loop.pass_time(MINUTE + 1)
    assert loop.policy().num_events_ == 2
    assert loop.reward(first, 1.0) == "late"
    counts = loop.counts()
    assert (counts["closed"], counts["unrewarded"], counts["late"]) == (2, 1, 2)
    learnt = loop.policy()
    expected = pn.LinUCB(dimension=2, seed=3).update(
        [[1.0, 0.0], [0.0, 1.0]], shown.arm.tolist(), [2.0, 0.0]
    )
    ask = [[0.5, -1.0]]
    assert np.array_equal(learnt.probabilities(ask, ARMS), expected.probabilities(ask, ARMS))


def test_the_same_policy_decides_the_same_outside_a_loop():
    policy = pn.LinTS(dimension=2, seed=5).update(np.eye(2), ["news", "sale"], [1.0, 0.0])
    loop = make(policy)
    contexts = np.random.default_rng(1).standard_normal((50, 2))
    shown = loop.decide(contexts, ARMS, k=2, times=0, decision_id=np.arange(50))
    alone = policy.decide(contexts, ARMS, k=2, decision_id=np.arange(50))
    assert np.array_equal(shown.arm, alone.arm)
    assert np.array_equal(shown.propensity, alone.propensity)
    assert np.array_equal(shown.decision_id, alone.decision_id)
    assert policy.num_events_ == 2  # the one that was given learns nothing by itself


@pytest.mark.parametrize("learn", ["joined", "immediately"])
@pytest.mark.parametrize(
    "policy",
    [
        pn.LinUCB(dimension=2),
        pn.BetaThompson(),
        pn.UCB1(),
        pn.Bagging(dimension=2, replicas=3),
        pn.LogisticTS(dimension=2),
        pn.Uniform(),
    ],
    ids=lambda policy: type(policy).__name__,
)
def test_opened_again_it_has_the_same_bits(tmp_path, policy, learn):
    with make(policy, tmp_path, learn=learn) as loop:
        run(loop, 12)
        loop.snapshot()
        run(loop, 6, seed=1)
        state = loop.state()
        believed = loop.policy().probabilities([[1.0, 1.0]], ARMS)
    with make(policy, tmp_path, learn=learn) as loop:
        assert loop.state() == state
        assert np.array_equal(loop.policy().probabilities([[1.0, 1.0]], ARMS), believed)
    (tmp_path / "loop.snapshot").unlink()
    with make(policy, tmp_path, learn=learn) as loop:
        assert loop.state() == state


def test_widths_come_from_the_log(tmp_path):
    with pn.bandits.Loop(pn.LinUCB(), tmp_path, "1m") as loop:
        assert loop.reward(1, 1.0) == "unknown_decision"  # nothing was decided yet
        assert len(loop.log()) == 0
        run(loop, 10)
        state = loop.state()
    with pn.bandits.Loop(pn.LinUCB(), tmp_path, "1m") as loop:
        assert loop.state() == state
    with pn.bandits.Loop(pn.LinUCB(l2=7.0), tmp_path, "1m") as loop:  # another policy, the old log
        assert loop.policy().num_events_ > 0
        assert loop.state() != state


def test_arm_features_and_integer_arms(tmp_path):
    policy = pn.SquareCB(model="hybrid", seed=1)
    features = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    with pn.bandits.Loop(policy, tmp_path, "1m") as loop:
        shown = loop.decide(np.eye(2), [5, 6, 7], arm_features=features, times=0, k=2)
        assert shown.arm.dtype == np.int64
        loop.reward(int(shown.decision_id[0]), 1.0, arm=int(shown.arm[0, 1]))
        loop.pass_time(MINUTE)
        log = loop.log("pyarrow").to_pydict()
        state = loop.state()
        assert {7, *loop.policy().arms_} <= {5, 6, 7}
    assert log["arm"] == shown.arm.ravel().tolist()
    assert log["reward"] == [0.0, 1.0, 0.0, 0.0]
    assert log["arm_features"] == [features[arm - 5] for arm in log["arm"]]
    with pn.bandits.Loop(policy, tmp_path, "1m") as loop:
        assert loop.state() == state


def test_several_policies_share_a_log(tmp_path):
    given = {"home": pn.LinUCB(dimension=2), "mail": pn.UCB1()}
    with make(given, tmp_path) as loop:
        with pytest.raises(pn.errors.InvalidArgumentError, match="home, mail"):
            loop.decide([[1.0, 0.0]], ARMS, times=0)
        loop.decide([[1.0, 0.0]], ARMS, times=0, policy="home")
        loop.decide(None, ARMS, times=0, policy="mail")
        loop.pass_time(MINUTE)
        assert loop.policy("home").num_events_ == loop.policy("mail").num_events_ == 1
        assert loop.log("pyarrow")["policy"].to_pylist() == ["home", "mail"]
    with pytest.raises(pn.errors.InvalidArgumentError, match="dimension="):
        make({"home": pn.LinUCB(), "mail": pn.UCB1()})


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "dict"])
def test_rewards_by_the_frame(kind):
    loop = make(learn="immediately")
    shown = loop.decide(np.eye(2).repeat(2, 0), ARMS, times=0)
    ids = shown.decision_id
    columns = {
        "decision_id": [*ids.tolist(), int(ids[0]), 77],
        "value": [1.0, 0.5, -2.0, 0.0, 1.0, 1.0],
        "reward_id": ["a", "b", None, None, "a", None],
        "time": [5.0, None, 6.0, 70.0, None, None],
    }
    if kind == "pandas":
        frame = pytest.importorskip("pandas").DataFrame(columns)
    elif kind == "polars":
        frame = pytest.importorskip("polars").DataFrame(columns)
    elif kind == "pyarrow":
        import pyarrow as pa

        frame = pa.table(columns)
    else:
        frame = columns
    assert loop.reward_many(frame).tolist() == [
        "accepted",
        "accepted",
        "accepted",
        "late",
        "duplicate",
        "unknown_decision",
    ]
    reward = loop.log("pyarrow")["reward"].to_pylist()
    assert reward == [1.0, 0.5, -2.0, None]


def test_aggregation_default_clip_and_early():
    def total(values, **options):
        loop = make(**options)
        shown = loop.decide([[1.0, 0.0]], ARMS, times=0)
        for value in values:
            loop.reward(int(shown.decision_id[0]), value)
        loop.pass_time(MINUTE)
        return loop.log("pyarrow")["reward"].to_pylist()[0]

    assert total([1.0, 3.0, -1.0]) == 3.0
    assert total([1.0, 3.0, -1.0], aggregation="max") == 3.0
    assert total([1.0, 3.0, -1.0], aggregation="first") == 1.0
    assert total([5.0], clip=(-1.0, 2.0)) == 2.0
    assert total([]) == 0.0
    assert total([], default_reward=-0.5) == -0.5
    assert total([], default_reward=None) is None
    loop = make(early="30s")
    loop.decide([[1.0, 0.0]], ARMS, times=0, decision_id=[1])
    assert loop.reward(2, 4.0) == "held"
    loop.decide([[1.0, 0.0]], ARMS, times=10, decision_id=[2])
    loop.pass_time(10 + MINUTE)
    assert loop.log("pyarrow")["reward"].to_pylist() == [0.0, 4.0]
    loop = make(max_rewards=1, max_waiting=2, max_closed=1)
    shown = loop.decide(np.zeros((4, 2)), ARMS, times=0)
    answers = [loop.reward(int(one), 1.0) for one in shown.decision_id]
    assert answers == ["unknown_decision", "late", "accepted", "accepted"]
    assert loop.reward(int(shown.decision_id[3]), 1.0) == "too_many"
    assert loop.counts()["closed_early"] == 2


def test_the_log_has_what_estimates_want(tmp_path):
    loop = run(make(folder=tmp_path / "a"), 20)
    log = loop.log("pyarrow")
    assert log.num_rows == 60
    closed = log["closed"].to_numpy()
    assert 0 < closed.sum() < 60
    assert log["reward"].is_null().to_numpy()[~closed & ~log["rewarded"].to_numpy()].all()
    assert not log["reward"].is_null().to_numpy()[closed].any()
    assert ((log["propensity"].to_numpy() > 0) & (log["propensity"].to_numpy() <= 1)).all()
    assert set(log["placement"].to_pylist()) == {"home"}
    assert all(len(one) == 2 for one in log["context"].to_pylist())
    assert len(set(log["candidates_hash"].to_pylist())) == 1
    path = tmp_path / "log.parquet"
    loop.log_to_parquet(path)
    assert pq.read_table(path).equals(log)
    for kind in ("pandas", "polars"):
        pytest.importorskip(kind)
        assert list(loop.log(kind).columns) == log.column_names
    # The version is the number of the last record that was learnt from: it only grows.
    versions = [int(one) for one in log["policy_version"].to_pylist()]
    assert versions == sorted(versions)
    assert versions[-1] > 0


def test_decisions_can_be_drawn_again_from_the_log(tmp_path):
    """Contexts, ids and rewards of the log give the same arms and propensities once more."""
    with make(folder=tmp_path) as loop:
        run(loop, 15)
        log = loop.log("pyarrow").to_pylist()
    fresh = make()
    for first in range(0, len(log), 3):  # three were decided at a time
        rows = log[first : first + 3]
        shown = fresh.decide(
            [row["context"] for row in rows],
            ARMS,
            times=[row["time"] for row in rows],
            decision_id=[row["decision_id"] for row in rows],
        )
        assert shown.arm.tolist() == [row["arm"] for row in rows]
        assert shown.propensity.tolist() == [row["propensity"] for row in rows]
        for row in rows:
            if row["rewarded"]:
                fresh.reward(row["decision_id"], row["reward"])
    # How far the policy had come is in the log too.
    assert len({row["policy_version"] for row in log}) > 3


@pytest.mark.parametrize("discount", [1.0, 0.95])
def test_a_person_is_forgotten(tmp_path, discount):
    policy = pn.LinUCB(dimension=2, discount=discount)
    ask = np.random.default_rng(9).standard_normal((20, 2))
    loop = run(make(policy, tmp_path), 20)
    rows = loop.log("pyarrow").to_pylist()
    before = loop.policy().probabilities(ask, ARMS)
    theirs = sum(row["subject"] == "person-1" for row in rows)
    assert loop.forget("person-1") == theirs > 0
    kept = [row for row in rows if row["subject"] != "person-1" and row["closed"]]
    expected = pn.LinUCB(dimension=2, discount=discount).update(
        [row["context"] for row in kept],
        [row["arm"] for row in kept],
        [row["reward"] for row in kept],
    )
    after = loop.policy().probabilities(ask, ARMS)
    assert np.array_equal(after, expected.probabilities(ask, ARMS))
    assert not np.array_equal(after, before) or discount == 1.0
    assert "person-1" not in loop.log("pyarrow")["subject"].to_pylist()
    assert loop.forget("person-1") == 0
    assert loop.forget("nobody") == 0
    loop.close()
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"person-1" not in path.read_bytes()
    (tmp_path / "loop.snapshot").unlink()
    with make(policy, tmp_path) as again:
        assert np.array_equal(again.policy().probabilities(ask, ARMS), after)


CHILD = """
import sys, json
import penchant as pn
loop = pn.bandits.Loop(pn.LinUCB(dimension=2, seed=3), sys.argv[1], "1m", learn="immediately")
step = 0
while True:
    shown = loop.decide([[1.0, step % 5]], ["news", "sale"], times=step)
    answer = loop.reward(int(shown.decision_id[0]), 1.0, "r")
    print(json.dumps([int(shown.decision_id[0]), answer]), flush=True)
    step += 1
"""


def test_a_killed_process_loses_nothing_that_was_answered(tmp_path):
    answered = []
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        for line in child.stdout:
            answered.append(json.loads(line))
            if len(answered) % 40 == 0:
                break
        os.kill(child.pid, signal.SIGKILL)
        answered += [json.loads(line) for line in child.stdout if line.endswith("]\n")]
        child.wait()
        child.stdout.close()
    assert {answer for _, answer in answered} == {"accepted"}
    assert len({decision for decision, _ in answered}) == len(answered)
    with pn.bandits.Loop(
        pn.LinUCB(dimension=2, seed=3), tmp_path, "1m", learn="immediately"
    ) as loop:
        log = loop.log("pyarrow").to_pylist()
        rewarded = {row["decision_id"] for row in log if row["rewarded"]}
        assert {decision for decision, _ in answered} <= rewarded


def test_one_process_at_a_time(tmp_path):
    with make(folder=tmp_path), pytest.raises(pn.errors.UnavailableError, match="open already"):
        make(folder=tmp_path)
    make(folder=tmp_path).close()
    loop = make(folder=tmp_path)
    loop.close()
    with pytest.raises(pn.errors.InvalidArgumentError, match="closed"):
        loop.decide([[1.0, 0.0]], ARMS)


def test_times_are_those_of_the_clock_where_none_are_given():
    loop = make()
    before = time.time()
    loop.decide([[1.0, 0.0]], ARMS)
    at = loop.log("pyarrow")["time"].to_pylist()[0].timestamp()
    assert before - 1 <= at <= time.time() + 1


def test_snapshots_by_itself(tmp_path):
    with make(folder=tmp_path, snapshot_every=5) as loop:
        loop.decide(np.zeros((6, 2)), ARMS, times=0)
        assert Path(tmp_path / "loop.snapshot").exists()


@pytest.mark.parametrize("options", [{"keep": "100s"}, {"keep_bytes": 3000}])
def test_a_log_that_is_kept_short_teaches_the_same(tmp_path, options):
    short = make(folder=tmp_path / "short", snapshot_every=20, **options)
    whole = make(folder=tmp_path / "whole")
    run(short)
    run(whole)
    assert short.state() == whole.state()
    assert short.dropped().records > 50
    assert whole.dropped() is None
    left = short.log("pyarrow").drop_columns(["policy_version"])
    all_of_it = whole.log("pyarrow").drop_columns(["policy_version"])
    assert left.equals(all_of_it[len(all_of_it) - len(left) :])
    short.forget("person-1")
    assert "person-1" not in short.log("pyarrow")["subject"].to_pylist()
    state = short.state()
    short.close()
    assert make(folder=tmp_path / "short").state() == state


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: pn.bandits.Loop("x"), "policy"),
        (lambda: make(keep="30s"), "deadline is beyond what is kept"),
        (lambda: make(keep="soon"), "keep"),
        (lambda: make(keep_bytes=-1), "keep_bytes"),
        (lambda: pn.bandits.Loop({}), "needs a policy"),
        (lambda: make(deadline="-1d"), "deadline"),
        (lambda: make(aggregation="mean"), "aggregation"),
        (lambda: make(learn="later"), "learn"),
        (lambda: make(default_reward=5.0, clip=(0.0, 1.0)), "default reward"),
        (lambda: make(clip=(2.0, 1.0)), "range"),
        (lambda: make(max_waiting=0), "max_waiting"),
        (lambda: make(max_waiting=-1), "max_waiting"),
        (lambda: make(snapshot_every=True), "snapshot_every"),
        (lambda: make(pn.LinUCB(dimension=2, discount=0.5), learn="immediately"), "discount"),
        (lambda: make().decide([[1.0, 0.0]], ["a", "a"], times=0), "differ"),
        (lambda: make().decide([[1.0, 0.0]], [], times=0), "no arms"),
        (lambda: make().decide([[1.0, 0.0]], [1.5], times=0), "arm"),
        (lambda: make().decide([[1.0, 0.0]], [1, "b"], times=0), "one kind"),
        (lambda: make().decide([[1.0, 0.0]], ARMS, times=[0, 1]), "times"),
        (lambda: make().decide([[1.0, 0.0]], ARMS, times=[None]), "times, row 0"),
        (lambda: make().decide([[1.0, 0.0]], ARMS, times=float("nan")), "times, row 0"),
        (lambda: make().decide([[1.0, 0.0]], ARMS, times=1e12), "times, row 0"),
        (lambda: make().decide([[1.0, 0.0]], ARMS, times=0, subjects=["a", "b"]), "subjects"),
        (lambda: make().decide([[1.0]], ARMS, times=0), "columns"),
        (lambda: make().decide([[1.0, 0.0]], ARMS, k=0), "k must be"),
        (lambda: make().decide([[1.0, 0.0]], ARMS, policy="other"), "no policy"),
        (lambda: make().reward(1, float("nan")), "reward 0"),
        (lambda: make().reward(-1, 1.0), "decision_id"),
        (lambda: make().reward(1, 1.0, reward_id=1.5), "reward_id"),
        (lambda: make().reward(1, 1.0, slot=-2), "slot"),
        (lambda: make().reward_many({"decision_id": [1]}), "value"),
        (lambda: make().reward_many({"decision_id": [1], "value": [1.0], "x": [1]}), "'x'"),
        (lambda: make().forget(""), "subject"),
        (lambda: make().log("csv"), "format"),
    ],
)
def test_refuses_with_words(act, words):
    with pytest.raises(ValueError, match=words):
        act()


def test_without_arms_those_that_were_learnt_are_asked():
    loop = make()
    with pytest.raises(pn.errors.InvalidArgumentError, match="no arms"):
        loop.decide([[1.0, 0.0]], times=0)
    shown = loop.decide([[1.0, 0.0]], ARMS, times=0)
    loop.pass_time(MINUTE)
    assert loop.decide([[1.0, 0.0]], times=MINUTE).arm.tolist() == shown.arm.tolist()


@pytest.mark.parametrize(
    "times",
    [
        86400,
        86400.0,
        [86400],
        "1970-01-02",
        ["1970-01-02T00:00:00Z"],
        np.datetime64("1970-01-02"),
        [np.datetime64("1970-01-02")],
        [np.datetime64("1970-01-02T00", "h")],
    ],
)
def test_times_of_every_kind(times):
    loop = make()
    loop.decide([[1.0, 0.0]], ARMS, times=times)
    (at,) = loop.log("pyarrow")["time"].to_pylist()
    assert at.timestamp() == 86400


def test_an_id_is_used_once():
    loop = make()
    loop.decide([[1.0, 0.0]], ARMS, times=0, decision_id=[4])
    with pytest.raises(pn.errors.InvalidArgumentError, match="used already"):
        loop.decide([[1.0, 0.0]], ARMS, times=0, decision_id=[4])
    assert len(loop.log()) == 1
