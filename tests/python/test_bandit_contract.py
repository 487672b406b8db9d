"""What every policy promises. A new one joins by its name in `POLICIES`."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import penchant as pn
from penchant.errors import CorruptBundleError, InvalidArgumentError

# Name -> parameters that differ from the defaults. Policies that learn linear models come once with
# each model.
POLICIES = {
    "Uniform": {},
    "Greedy": {},
    "EpsilonGreedy": {},
    "Softmax": {},
    "UCB1": {},
    "BetaThompson": {},
    "LinUCB": {},
    "LinTS": {"draws": 32},
    "LogisticTS": {"draws": 32},
    "SquareCB": {},
    "Bagging": {},
}
PLAIN = {"Uniform", "UCB1", "BetaThompson"}
CASES = [
    (name, model)
    for name in POLICIES
    for model in (("disjoint",) if name in PLAIN else ("disjoint", "shared", "hybrid", "joint"))
]
ARMS = ["tea", "coffee", "mate", "water", "juice"]
FEATURES = np.random.default_rng(5).standard_normal((len(ARMS), 3))
NEEDS_EVENT_IDS = {"Bagging", "LogisticTS"}


class World:
    """Contexts, arms and rewards, and what a case needs beside them."""

    def __init__(self, name, model, events=200, seed=0):
        random = np.random.default_rng(seed)
        self.name, self.model = name, model
        self.contexts = random.standard_normal((events, 4))
        self.index = random.integers(0, len(ARMS), events)
        self.arm = [ARMS[i] for i in self.index]
        odds = self.contexts[:, 0] * (self.index - 2) / 2
        self.reward = (random.random(events) < 1 / (1 + np.exp(-odds))).astype(float)
        self.event = np.arange(events) + 10_000 * seed

    def policy(self, **more):
        given = {} if self.name in PLAIN else {"model": self.model}
        return getattr(pn, self.name)(**{**POLICIES[self.name], **given, **more})

    def asked(self, arms=None):
        if self.model == "disjoint":
            return {}
        rows = [ARMS.index(one) for one in arms or ARMS]
        return {"arm_features": FEATURES[rows]}

    def events(self, rows):
        rows = np.atleast_1d(rows)
        out = {
            "contexts": self.contexts[rows],
            "arm": [self.arm[i] for i in rows],
            "reward": self.reward[rows],
            "event": self.event[rows],
        }
        if self.model != "disjoint":
            out["arm_features"] = FEATURES[self.index[rows]]
        return out

    def taught(self, rows=slice(None), **more):
        return self.policy(**more).update(**self.events(np.arange(200)[rows]))


@pytest.fixture(params=CASES, ids=lambda case: "-".join(case))
def world(request):
    return World(*request.param)


def test_shapes_and_sums(world):
    policy = world.taught()
    p = policy.probabilities(world.contexts[:9], ARMS, **world.asked())
    assert p.shape == (9, 5)
    assert p.dtype == np.float64
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-12)
    assert (p >= 0).all()
    shown = policy.decide(world.contexts[:9], ARMS, **world.asked())
    assert shown.arm.shape == shown.propensity.shape == shown.decision_id.shape == (9,)
    assert len(shown) == 9
    slate = policy.decide(world.contexts[:9], ARMS, k=3, **world.asked())
    assert slate.arm.shape == slate.propensity.shape == (9, 3)
    assert slate.log_probability.shape == (9,)
    assert all(len(set(row)) == 3 for row in slate.arm.tolist())
    one = policy.decide(world.contexts[0], ARMS, **world.asked())
    assert one.arm.shape == (1,)
    assert policy.decide(world.contexts[:0], ARMS, **world.asked()).arm.shape == (0,)


def test_what_is_logged_is_what_was_proposed(world):
    policy = world.taught()
    ids = np.arange(500, 540)
    p = policy.probabilities(world.contexts[:40], ARMS, decision_id=ids, **world.asked())
    shown = policy.decide(world.contexts[:40], ARMS, decision_id=ids, **world.asked())
    at = [ARMS.index(one) for one in shown.arm]
    np.testing.assert_allclose(shown.propensity, p[np.arange(40), at], rtol=1e-12)
    assert shown.decision_id.tolist() == ids.tolist()
    np.testing.assert_array_equal(
        policy.propose(world.contexts[:40], ARMS, decision_id=ids, **world.asked()), p
    )


def test_frequencies_are_the_probabilities(world):
    policy = world.taught(min_probability=0.02) if world.name != "Uniform" else world.taught()
    rows = np.tile(world.contexts[:5], (4000, 1))
    p = policy.probabilities(rows, ARMS, **world.asked())
    shown = policy.decide(rows, ARMS, **world.asked())
    seen = np.array([np.sum(shown.arm == one) for one in ARMS])
    expected = p.sum(axis=0)
    assert ((seen - expected) ** 2 / expected).sum() < 33.4  # chi-square, one in a million


def test_decision_ids_count_on(world):
    policy = world.taught()
    first = policy.decide(world.contexts[:3], ARMS, **world.asked())
    second = policy.decide(world.contexts[:3], ARMS, **world.asked())
    assert first.decision_id.tolist() == [0, 1, 2]
    assert second.decision_id.tolist() == [3, 4, 5]
    again = policy.decide(world.contexts[:3], ARMS, decision_id=[0, 1, 2], **world.asked())
    assert again.arm.tolist() == first.arm.tolist()


def test_batch_is_one_by_one(world):
    whole, parts = world.taught(), world.policy()
    for row in range(200):
        parts.update(**world.events(row))
    ids = np.arange(30)
    together = whole.decide(world.contexts[:30], ARMS, k=2, decision_id=ids, **world.asked())
    for row in range(30):
        alone = parts.decide(world.contexts[row], ARMS, k=2, decision_id=[row], **world.asked())
        assert alone.arm[0].tolist() == together.arm[row].tolist()
        assert alone.propensity[0].tolist() == together.propensity[row].tolist()


def test_threads_change_no_bit(world):
    one = world.taught(threads=1)
    expected = one.probabilities(world.contexts, ARMS, **world.asked())
    for threads in (2, 8):
        other = world.taught(threads=threads)
        np.testing.assert_array_equal(
            other.probabilities(world.contexts, ARMS, **world.asked()), expected
        )


@pytest.mark.parametrize("way", ["pickle", "bytes", "file", "copy"])
def test_keeping_changes_no_bit(world, way, tmp_path):
    policy = world.taught()
    policy.decide(world.contexts[:3], ARMS, **world.asked())
    if way == "pickle":
        kept = pickle.loads(pickle.dumps(policy))
    elif way == "bytes":
        kept = type(policy).from_bytes(policy.to_bytes())
        assert kept.to_bytes() == policy.to_bytes()
    elif way == "file":
        policy.save(tmp_path / "policy.penchant")
        kept = pn.bandits.load(tmp_path / "policy.penchant")
    else:
        kept = policy.copy()
    assert type(kept) is type(policy)
    assert kept.get_params() == policy.get_params()
    assert kept.arms_ == policy.arms_
    assert kept.num_events_ == policy.num_events_
    more = World(world.name, world.model, seed=1)
    for each in (policy, kept):
        each.update(**more.events(np.arange(50)))
    a = policy.decide(world.contexts, ARMS, k=2, **world.asked())
    b = kept.decide(world.contexts, ARMS, k=2, **world.asked())
    assert a.arm.tolist() == b.arm.tolist()
    assert a.propensity.tolist() == b.propensity.tolist()
    assert a.decision_id.tolist() == b.decision_id.tolist()


def test_a_copy_learns_for_itself(world):
    policy = world.taught()
    before = policy.to_bytes()
    policy.copy().update(**World(world.name, world.model, seed=1).events(np.arange(9)))
    assert policy.to_bytes() == before


def test_undone_is_never_seen(world):
    policy = world.taught(slice(0, 150))
    expected = policy.probabilities(
        world.contexts, ARMS, decision_id=np.arange(200), **world.asked()
    )
    policy.update(**world.events(np.arange(150, 200)))
    policy.undo(**world.events(np.random.default_rng(1).permutation(np.arange(150, 200))))
    found = policy.probabilities(world.contexts, ARMS, decision_id=np.arange(200), **world.asked())
    np.testing.assert_array_equal(found, expected)
    assert policy.num_events_ == 150


def test_undo_of_what_never_came(world):
    policy = world.taught()
    before = policy.to_bytes()
    events = world.events(np.arange(3))
    events["contexts"] = events["contexts"] * 100
    events["event"] = events["event"] + 10**6
    events["arm"] = ["tea", "tea", "never"]
    with pytest.raises(InvalidArgumentError, match="never"):
        policy.undo(**events)
    assert policy.to_bytes() == before
    if world.name in NEEDS_EVENT_IDS:
        del events["event"]
        events["arm"] = ["tea"] * 3
        with pytest.raises(InvalidArgumentError, match="id"):
            policy.undo(**events)


def test_new_arms_may_be_shown_and_learnt(world):
    policy = world.taught()
    arms = [*ARMS, "lemonade"]
    asked = (
        {}
        if world.model == "disjoint"
        else {"arm_features": np.vstack([FEATURES, FEATURES.mean(axis=0)])}
    )
    p = policy.probabilities(world.contexts[:5], arms, **asked)
    assert np.isfinite(p).all()
    assert "lemonade" not in policy.arms_
    event = world.events(0)
    event.update(arm=["lemonade"], event=[9_999])
    policy.update(**event)
    assert policy.arms_[-1] == "lemonade"


def test_arms_may_leave_and_come_in_any_order(world):
    policy = world.taught()
    some = ["juice", "tea", "mate"]
    ids = np.arange(20)
    p = policy.probabilities(world.contexts[:20], some, decision_id=ids, **world.asked(some))
    turned = some[::-1]
    q = policy.probabilities(world.contexts[:20], turned, decision_id=ids, **world.asked(turned))
    assert p.shape == (20, 3)
    if world.model == "disjoint" or world.name not in ("LinTS", "LogisticTS"):
        np.testing.assert_allclose(q[:, ::-1], p, atol=1e-12)
    assert set(policy.decide(world.contexts, some, **world.asked(some)).arm) <= set(some)


def test_blocked_arms_are_never_shown(world):
    policy = world.taught()
    blocked = np.random.default_rng(3).random((200, 5)) < 0.4
    blocked[blocked.all(axis=1), 0] = False
    p = policy.probabilities(world.contexts, ARMS, blocked=blocked, **world.asked())
    assert (p[blocked] == 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-12)
    shown = policy.decide(world.contexts, ARMS, blocked=blocked, **world.asked())
    assert not any(blocked[i, ARMS.index(one)] for i, one in enumerate(shown.arm))
    for everywhere in (blocked[0], np.tile(blocked[0], (200, 1))):
        policy.probabilities(world.contexts, ARMS, blocked=everywhere, **world.asked())
    blocked[7] = True
    with pytest.raises(InvalidArgumentError, match="row 7"):
        policy.decide(world.contexts, ARMS, blocked=blocked, **world.asked())


def test_thousands_of_arms(world):
    policy = world.policy()
    arms = list(range(3000))
    random = np.random.default_rng(0)
    features = random.standard_normal((3000, 3))
    chosen = random.integers(0, 3000, 500)
    asked = {} if world.model == "disjoint" else {"arm_features": features}
    learnt = {} if world.model == "disjoint" else {"arm_features": features[chosen]}
    policy.update(random.standard_normal((500, 4)), chosen, random.integers(0, 2, 500), **learnt)
    shown = policy.decide(random.standard_normal((2, 4)), arms, k=4, **asked)
    assert shown.arm.dtype == np.int64
    assert shown.arm.shape == (2, 4)
    assert (shown.propensity > 0).all()


def test_parameters(world):
    policy = world.policy(seed=7)
    assert policy.get_params()["seed"] == 7
    clone = type(policy)(**policy.get_params())
    assert repr(clone) == repr(policy)
    clone.set_params(seed=8)
    assert clone.seed == 8
    with pytest.raises(InvalidArgumentError, match="no parameter"):
        clone.set_params(nothing=1)
    with pytest.raises(InvalidArgumentError, match="learnt"):
        world.taught().set_params(seed=1)
    for bad in ({"seed": -1}, {"seed": 1.5}, {"threads": 0}):
        with pytest.raises(InvalidArgumentError):
            world.policy(**bad).decide(world.contexts[:2], ARMS, **world.asked())


def test_seeds_differ(world):
    draws = [
        world.taught(min_probability=0.1, seed=seed).decide(world.contexts, ARMS, **world.asked())
        if world.name != "Uniform"
        else world.taught(seed=seed).decide(world.contexts, ARMS)
        for seed in (1, 2)
    ]
    assert draws[0].arm.tolist() != draws[1].arm.tolist()


HOSTILE_EVENTS = [
    {"reward": np.array([np.nan])},
    {"reward": np.array([np.inf])},
    {"reward": np.array([1e9])},
    {"reward": np.array([1.0, 2.0])},
    {"reward": ["good"]},
    {"arm": [None]},
    {"arm": [1.5]},
    {"arm": [True]},
    {"arm": [7]},  # the others are texts
    {"arm": [["tea"]]},
    {"event": [-1]},
    {"event": [0.5]},
    {"propensity": [0.0]},
    {"propensity": [1.1]},
    {"propensity": [np.nan]},
]


@pytest.mark.parametrize("bad", HOSTILE_EVENTS, ids=str)
def test_hostile_events_are_refused_and_not_learnt(world, bad):
    policy = world.taught()
    before = policy.copy()
    new = {**world.events(0), "arm": ["never"], "event": [12345]}
    with pytest.raises(InvalidArgumentError):
        policy.update(**{**new, **bad})
    assert policy.num_events_ == 200
    assert policy.arms_ == before.arms_
    assert policy.to_bytes() == before.to_bytes()


@pytest.mark.parametrize(
    "bad",
    [
        {"contexts": np.full((2, 4), np.nan)},
        {"contexts": np.full((2, 4), 1e5)},
        {"contexts": np.zeros((2, 5))},
        {"contexts": [["a", "b"]]},
        {"contexts": np.zeros((2, 2, 4))},
    ],
    ids=lambda bad: str(np.shape(bad["contexts"])),
)
def test_hostile_contexts_are_refused(world, bad):
    if (
        world.name in PLAIN
        and np.ndim(bad["contexts"]) == 2
        and np.asarray(bad["contexts"]).dtype.kind == "f"
    ):
        pytest.skip("contexts are ignored")
    with pytest.raises(InvalidArgumentError, match="context"):
        world.taught().decide(bad["contexts"], ARMS, **world.asked())


@pytest.mark.parametrize(
    "bad",
    [
        {"arms": []},
        {"arms": ["tea", "tea"]},
        {"arms": "tea"},
        {"arms": 3},
        {"arms": [None]},
        {"arms": ["tea", 7]},
        {"arms": [1.5]},
        {"arms": [True]},
        {"arms": [["tea"], ["mate"]]},
        {"k": 0},
        {"k": 6},
        {"k": 1.5},
        {"blocked": np.zeros((1, 4), bool)},
        {"blocked": np.zeros((1, 5), int)},
        {"decision_id": [1, 2]},
        {"decision_id": [-1]},
        {"decision_id": ["a"]},
    ],
    ids=str,
)
def test_hostile_requests_are_refused(world, bad):
    ask = {"contexts": world.contexts[:1], "arms": ARMS, **bad}
    with pytest.raises(InvalidArgumentError):
        world.taught().decide(**ask, **(world.asked() if ask["arms"] is ARMS else {}))


def test_arm_features_must_fit(world):
    policy = world.taught()
    if world.name in PLAIN:
        return
    if world.model == "disjoint":
        with pytest.raises(InvalidArgumentError, match="disjoint"):
            world.policy().decide(world.contexts[:2], ARMS, arm_features=FEATURES)
        return
    by_row = np.tile(FEATURES, (2, 1, 1))
    ids = [0, 1]
    np.testing.assert_array_equal(
        policy.probabilities(world.contexts[:2], ARMS, arm_features=by_row, decision_id=ids),
        policy.probabilities(world.contexts[:2], ARMS, arm_features=FEATURES, decision_id=ids),
    )
    for bad in (None, FEATURES[:4], FEATURES[:, :2], np.full((5, 3), np.inf)):
        with pytest.raises(InvalidArgumentError, match="features"):
            policy.decide(world.contexts[:2], ARMS, arm_features=bad)


def test_broken_files_are_refused(world):
    data = bytearray(world.taught().to_bytes())
    random = np.random.default_rng(0)
    for at in random.integers(0, len(data), 40):
        broken = bytearray(data)
        broken[at] ^= 0x55
        with pytest.raises(CorruptBundleError):
            pn.bandits.Policy.from_bytes(bytes(broken))
    with pytest.raises(CorruptBundleError):
        pn.bandits.Policy.from_bytes(bytes(data[: len(data) // 2]))


def test_a_fresh_policy_can_be_asked_and_kept(world):
    policy = world.policy()
    p = policy.probabilities(world.contexts[:3], ARMS, **world.asked())
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-12)
    again = pickle.loads(pickle.dumps(world.policy()))
    assert again.num_events_ == 0
    assert again.arms_ == []
    np.testing.assert_array_equal(again.probabilities(world.contexts[:3], ARMS, **world.asked()), p)
