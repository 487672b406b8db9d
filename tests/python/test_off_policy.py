"""Off-policy estimates: a public library's values, honest intervals, trouble named in words."""

from __future__ import annotations

import json
import math
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest

import penchant as pn
from penchant import _core
from penchant.errors import BadDataError, InvalidArgumentError, NotFoundError

op = pn.off_policy
pytestmark = pytest.mark.filterwarnings("ignore::penchant.off_policy.OffPolicyWarning")
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "off_policy"


def golden(name):
    content = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return {key: np.asarray(value) for key, value in content["arrays"].items()}, content["values"]


def made_log(rounds=2000, actions=5, seed=0, apart=0.7):
    """A log with known truth: rewards of 0 and 1, a softmax logging policy, one apart from it."""
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=(rounds, actions))
    logging = np.exp(taste)
    logging /= logging.sum(axis=1, keepdims=True)
    target = np.exp(taste + apart * rng.normal(size=(rounds, actions)))
    target /= target.sum(axis=1, keepdims=True)
    action = (logging.cumsum(axis=1) > rng.random(rounds)[:, None]).argmax(axis=1)
    chance = 1 / (1 + np.exp(-taste + 1))
    reward = (rng.random(rounds) < chance[np.arange(rounds), action]).astype(float)
    q = np.clip(chance + 0.1 * rng.normal(size=chance.shape), 0, 1)
    return {
        "action": action,
        "reward": reward,
        "logged": logging[np.arange(rounds), action],
        "target": target,
        "q": q,
        "logging": logging,
        "truth": float((target * chance).sum(axis=1).mean()),
    }


def weighted(log):
    return {name: log[name] for name in ("action", "reward", "logged", "target")}


# What a public library says ---------------------------------------------------------------------


def test_equal_to_the_public_library():
    log, values = golden("rounds")
    names = [name for name in values if "," not in name]
    found = op.estimate(
        log["action"], log["reward"], log["logged"], log["target"], log["q"], names, log["position"]
    )
    assert len(found) == len(names) == 19
    for name in names:
        assert found[name].value == pytest.approx(values[name], abs=1e-9)


def test_single_functions_are_those_estimates():
    log, values = golden("rounds")
    arrays = [log[name] for name in ("action", "reward", "logged", "target")]
    at = {"position": log["position"]}
    modelled = [*arrays, log["q"]]
    said = {
        "ips": op.ips(*arrays, **at),
        "ips(clip=2)": op.ips(*arrays, clip=2, **at),
        "snips": op.snips(*arrays, **at),
        "direct_method": op.direct_method(log["target"], log["q"], **at),
        "doubly_robust": op.doubly_robust(*modelled, **at),
        "doubly_robust(clip=1.5)": op.doubly_robust(*modelled, clip=1.5, **at),
        "sndr": op.sndr(*modelled, **at),
        "switch_dr(tau=2)": op.switch_dr(*modelled, tau=2, **at),
        "dros(lambda_=10)": op.dros(*modelled, lambda_=10, **at),
        "sub_gaussian(lambda_=0.1)": op.sub_gaussian(*arrays, lambda_=0.1, **at),
        "sub_gaussian_dr(lambda_=0.3)": op.sub_gaussian(*modelled, lambda_=0.3, **at),
    }
    for name, one in said.items():
        assert one.value == pytest.approx(values[name], abs=1e-9)
        assert one.name == name


def test_bounds_equal_to_the_public_library():
    log, values = golden("rounds")
    one = op.ips(
        *[log[n] for n in ("action", "reward", "logged", "target")], position=log["position"]
    )
    # SciPy's quantile of the golden's version is off by 1e-9; ours equals a later one's.
    known = values["ips, student_t lower bound .95"]
    assert one.lower_bound(0.95) == pytest.approx(known, abs=1e-8)
    for kind in ("bernstein", "hoeffding"):
        margin = _core.mean_margin(
            rows=one.rounds,
            variance=one.standard_error**2 * one.rounds,
            range=20,
            kind=kind,
            confidence=0.95,
        )
        known = values[f"ips, {kind} lower bound .95, 20"]
        assert one.value - margin == pytest.approx(known, abs=1e-9)


def test_mips_equal_to_the_public_library():
    log, values = golden("embeddings")
    one = op.mips(
        log["action"],
        log["reward"],
        log["logging"],
        log["target"],
        embedding=log["embedding"],
        p_embedding=log["p_embedding"],
        position=log["position"],
    )
    assert one.value == pytest.approx(values["mips"], abs=1e-9)


# What it answers --------------------------------------------------------------------------------


def test_estimate_of_everything():
    log = made_log()
    found = op.estimate(**weighted(log), q=log["q"])
    assert list(found) == ["ips", "snips", "direct_method", "doubly_robust", "sndr"]
    for one in found.values():
        assert one.low < one.value < one.high
        assert one.low < log["truth"] < one.high or one.name == "direct_method"
        assert 0 < one.effective_sample_size <= 2000
    assert list(op.estimate(**weighted(log))) == ["ips", "snips"]
    assert list(op.estimate(None, None, None, log["target"], log["q"])) == ["direct_method"]
    assert float(found["ips"]) == found["ips"].value
    for name in ("dros(lambda_=1)", "dros", "nonsense"):
        with pytest.raises(NotFoundError, match="was not estimated; there are ips, snips"):
            found[name]
    assert found["ips( clip=inf )"] == found["ips"]
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert again.warnings == found.warnings


def test_shown_as_a_table_and_as_a_frame():
    log = made_log()
    found = op.estimate(**weighted(log), q=log["q"], estimators=["ips", "dros(lambda_=10)"])
    text = repr(found)
    assert "dros(lambda_=10)" in text
    assert "95% interval" in text
    assert "2,000 rounds; intervals by Student's t" in text
    assert "<table>" in found._repr_html_()
    frame = found.to_frame()
    assert list(frame["estimator"]) == ["ips", "dros(lambda_=10)"]
    assert found.to_frame("polars").shape == (2, 7)
    assert "effective of 2,000 rounds" in repr(found["ips"])
    assert "95% by Student's t" in repr(found["ips"])
    assert "<pre>" in found["ips"]._repr_html_()


def test_arms_by_their_ids():
    log = made_log()
    arms = ["a", "b", "c", "d", "e"]
    named = dict(weighted(log), action=np.asarray(arms)[log["action"]])
    assert op.ips(**named, arms=arms) == op.ips(**weighted(log))
    named["action"][17] = "z"
    with pytest.raises(BadDataError, match="round 17: action 'z'"):
        op.ips(**named, arms=arms)
    with pytest.raises(InvalidArgumentError, match="twice"):
        op.ips(**weighted(log), arms=["a", "a"])


def test_a_parameter_that_is_not_given_is_chosen():
    log = made_log(4000, apart=1.5)
    found = op.estimate(**weighted(log), q=log["q"], estimators=["switch_dr", "dros", "ips"])
    assert list(found) == ["switch_dr", "dros", "ips"]
    taus = [f"switch_dr(tau={tau:g})" for tau in (1, 2, 5, 10, 20, 50, 100, math.inf)]
    each = op.estimate(**weighted(log), q=log["q"], estimators=taus)
    chosen = op.select(**weighted(log), q=log["q"], estimators=taus).best
    assert found["switch_dr"] == chosen == op.switch_dr(**weighted(log), q=log["q"])
    assert chosen in each.values()
    assert found[chosen.name] == chosen
    assert op.dros(**weighted(log), q=log["q"]).name == found["dros"].name
    assert (
        found["dros"].standard_error < op.doubly_robust(**weighted(log), q=log["q"]).standard_error
    )
    assert op.sub_gaussian(**weighted(log)).name.startswith("sub_gaussian(lambda_=")
    grid = op.select(**weighted(log), q=log["q"], estimators=["switch_dr", "direct_method"])
    assert len(grid.estimates) == 9


def test_float32_tables_and_the_logging_table():
    log = made_log()
    small = log["target"].astype(np.float32)
    one = op.ips(log["action"], log["reward"], log["logging"], small)
    assert one.value == pytest.approx(op.ips(**weighted(log)).value, abs=1e-6)


def test_the_same_bits_at_any_thread_count():
    log = made_log(30_000)
    for interval in ("student_t", "bootstrap"):
        each = [
            op.estimate(
                **weighted(log), q=log["q"], interval=interval, threads=threads, resamples=70
            )
            for threads in (1, 2, 8)
        ]
        assert each[0] == each[1] == each[2]


def test_estimates_add_up_when_the_target_is_the_logging_policy():
    log = made_log()
    found = op.estimate(log["action"], log["reward"], log["logged"], log["logging"])
    mean = log["reward"].mean()
    assert found["ips"].value == pytest.approx(mean, abs=1e-12)
    assert found["snips"].value == pytest.approx(mean, abs=1e-12)
    assert found["ips"].effective_sample_size == pytest.approx(2000)


# Intervals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("interval", ["student_t", "bootstrap"])
def test_intervals_cover_the_truth(interval):
    """600 logs of 1,500 rounds: 95% of the intervals hold the truth, give or take three errors."""
    logs, rounds, actions = 600, 1500, 4
    rng = np.random.default_rng(1)
    names = ["ips", "snips", "doubly_robust", "sndr"]
    held = dict.fromkeys(names, 0)
    for _ in range(logs):
        group = rng.integers(0, 3, rounds)
        logging = np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.4, 0.2, 0.3], [0.25] * 4])[group]
        target = np.array([[0.1, 0.2, 0.3, 0.4], [0.3, 0.3, 0.3, 0.1], [0.4, 0.1, 0.4, 0.1]])
        chance = np.array([[0.2, 0.5, 0.3, 0.6], [0.1, 0.2, 0.7, 0.3], [0.5, 0.4, 0.3, 0.2]])
        truth = float((target * chance).sum(axis=1).mean())
        action = (logging.cumsum(axis=1) > rng.random(rounds)[:, None]).argmax(axis=1)
        reward = (rng.random(rounds) < chance[group, action]).astype(float)
        q = np.full((rounds, actions), 0.4)
        q[group == 1] += 0.1
        found = op.estimate(
            action,
            reward,
            logging[np.arange(rounds), action],
            target[group],
            q,
            names,
            interval=interval,
            resamples=300,
            threads=1,
        )
        for name in names:
            held[name] += found[name].low <= truth <= found[name].high
    for name, count in held.items():
        assert abs(count / logs - 0.95) < 3 * math.sqrt(0.95 * 0.05 / logs), (name, count / logs)


def test_bootstrap_is_seeded_and_near_students_t():
    log = made_log(5000)
    how = {"interval": "bootstrap", "resamples": 2000}
    one = op.estimate(**weighted(log), q=log["q"], **how)
    assert one == op.estimate(**weighted(log), q=log["q"], **how)
    other = op.estimate(**weighted(log), q=log["q"], **how, seed=1)
    assert one["ips"].low != other["ips"].low
    plain = op.estimate(**weighted(log), q=log["q"])
    for name, each in one.items():
        width = plain[name].high - plain[name].low
        assert each.value == plain[name].value
        assert abs(each.low - plain[name].low) < 0.1 * width
        assert abs(each.high - plain[name].high) < 0.1 * width
    narrow = op.estimate(**weighted(log), **how, confidence=0.5)
    assert narrow["ips"].low > one["ips"].low


def test_bounds_are_ordered_and_need_a_range_that_holds_the_values():
    log = made_log()
    one = op.ips(**weighted(log))
    assert one.lower_bound(0.975) == pytest.approx(one.low)
    assert one.upper_bound(0.975) == pytest.approx(one.high)
    assert one.lower_bound(method="bernstein") < one.lower_bound()
    wide = one.lower_bound(method="bernstein", value_range=(0, 1000))
    assert wide < one.lower_bound(method="bernstein")
    with pytest.raises(InvalidArgumentError, match="must hold the values"):
        one.lower_bound(method="hoeffding", value_range=(0, 1))
    with pytest.raises(InvalidArgumentError, match="confidence"):
        one.lower_bound(1.5)
    with pytest.raises(InvalidArgumentError, match="student_t, bernstein or hoeffding"):
        one.lower_bound(method="bootstrap")
    for interval in ("bernstein", "hoeffding"):
        two_sided = op.ips(**weighted(log), interval=interval)
        assert two_sided.low < one.low


# Diagnostics ------------------------------------------------------------------------------------


def with_a_rare_round(rounds=10_000):
    log = made_log(rounds, actions=5, seed=3, apart=0.3)
    log["logged"][1234] = 1e-6
    log["reward"][1234] = 1.0
    return log


def test_a_tiny_propensity_does_not_pass_in_silence():
    log = with_a_rare_round()
    with pytest.warns(op.OffPolicyWarning, match=r"round 1,234 \(propensity 1e-06"):
        found = op.estimate(**weighted(log), q=log["q"])
    (text,) = [one for one in found.warnings if "1,234" in one]
    share = found["ips"].largest_share
    clipped = op.ips(**weighted(log), clip=100)
    assert share > 0.5
    assert f"{share:.0%} of what adds up to ips and snips" in text
    assert f"ips from {found['ips'].value:.4f} to {clipped.value:.4f}" in text
    assert "sndr from" in text
    assert "! round 1,234" in repr(found)
    assert "! round 1,234" in repr(found["ips"])
    assert found["ips"].largest_round == 1234
    assert any("effective rounds of 10,000" in one for one in found.warnings)


def test_a_tiny_propensity_is_told_though_nothing_was_earned():
    log = with_a_rare_round()
    log["reward"][1234] = 0.0
    with pytest.warns(op.OffPolicyWarning, match="round 1,234"):
        op.ips(**weighted(log))


def test_the_warning_is_at_the_line_that_asked():
    log = with_a_rare_round()
    for call in (op.estimate, op.ips):
        with pytest.warns(op.OffPolicyWarning) as caught:
            call(**weighted(log))
        assert caught[0].filename == __file__


def test_a_good_log_passes_in_silence():
    log = made_log(5000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = op.estimate(**weighted(log), q=log["q"])
    assert found.warnings == ()
    assert found.diagnose().warnings == ()


def test_diagnostics():
    log = with_a_rare_round()
    seen = op.diagnose(**weighted(log))
    assert seen.rounds == 10_000
    assert seen.smallest_propensity == 1e-6
    assert seen.heaviest["round"][0] == 1234
    assert seen.heaviest["weight"][0] == seen.weight_quantiles[1.0]
    assert seen.heaviest["share_of_ips"][0] == pytest.approx(op_share(log), rel=1e-12)
    assert seen.clipped[100.0] < seen.clipped[float("inf")]
    assert seen.unsupported == 0
    text = repr(seen)
    for words in ("mean weight", "quantiles of the weight", "1,234", "ips by clip", "! round"):
        assert words in text
    assert len(seen.to_frame()) == 10
    assert "<pre>" in seen._repr_html_()


def op_share(log):
    at = np.arange(len(log["action"]))
    part = log["reward"] * log["target"][at, log["action"]] / log["logged"]
    return part[1234] / part.sum()


def test_actions_that_the_log_never_shows():
    log = made_log(4000)
    kept = log["action"] != 2
    arrays = {name: value[kept] for name, value in weighted(log).items()}
    with pytest.warns(op.OffPolicyWarning, match=r"never shows \(2\); no weighting can tell"):
        found = op.estimate(**arrays)
    seen = found.diagnose()
    assert seen.unsupported_actions == (2,)
    assert seen.unsupported == pytest.approx(arrays["target"][:, 2].mean())


def test_actions_that_logging_cannot_take_there():
    """Each action is somewhere in the log, but each context lacks one."""
    rng = np.random.default_rng(0)
    rounds = 4000
    lacking = rng.integers(0, 4, rounds)
    logging = np.full((rounds, 4), 1 / 3)
    logging[np.arange(rounds), lacking] = 0
    action = (logging.cumsum(axis=1) > rng.random(rounds)[:, None]).argmax(axis=1)
    target = np.full((rounds, 4), 0.25)
    with pytest.warns(op.OffPolicyWarning, match=r"25.0% of its probability .* can't take"):
        found = op.estimate(action, np.ones(rounds), logging, target)
    assert found.diagnose().unsupported == pytest.approx(0.25)
    assert found.diagnose().unsupported_actions == ()


def test_propensities_that_were_not_used():
    log = made_log(4000)
    log["logged"] = np.minimum(1, 1.3 * log["logged"])
    with pytest.warns(op.OffPolicyWarning, match="not the probability with which"):
        op.ips(**weighted(log))


# What it refuses --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"logged": 0.0}, BadDataError, "round 5: logged is 0"),
        ({"logged": 2.0}, BadDataError, "round 5: logged is 2, above 1"),
        ({"reward": float("nan")}, BadDataError, "round 5: reward is nan"),
        ({"action": 7}, BadDataError, "round 5: action 7 is not one"),
    ],
)
def test_bad_rounds_are_named(change, error, words):
    log = weighted(made_log(50))
    for name, value in change.items():
        log[name][5] = value
    with pytest.raises(error, match=words):
        op.ips(**log)
    with pytest.raises(error, match=words):
        op.diagnose(**log)


def test_what_makes_no_sense_is_refused():
    log = made_log(50)
    arrays = weighted(log)
    cases = {
        "q has shape": lambda: op.estimate(**arrays, q=log["q"][:, :3]),
        "needs q": lambda: op.estimate(**arrays, estimators=["sndr"]),
        "needs action": lambda: op.estimate(None, None, None, log["target"], log["q"], ["ips"]),
        "unknown off-policy estimator": lambda: op.estimate(**arrays, estimators=["dr"]),
        "write \\['ips'\\]": lambda: op.estimate(**arrays, estimators="ips"),
        "of integers": lambda: op.ips(**dict(arrays, action=log["action"].astype(float))),
        "must be numbers": lambda: op.ips(**dict(arrays, reward=["x"] * 50)),
        "target must be": lambda: op.ips(**dict(arrays, target=log["target"][:, 0])),
        "logged has": lambda: op.ips(**dict(arrays, logged=log["logged"][:7])),
        "target's": lambda: op.ips(**dict(arrays, target=log["target"] * 0.9)),
        "unknown interval": lambda: op.ips(**arrays, interval="normal"),
        "whole table": lambda: op.mips(**arrays, embedding=log["action"]),
        "give embedding": lambda: op.mips(
            **dict(arrays, logged=log["logging"]), embedding=log["action"]
        ),
        "must be a number": lambda: op.switch_dr(**arrays, q=log["q"], tau="x"),
        "give position": lambda: op.ips(**dict(arrays, target=np.stack([log["target"]] * 2, 2))),
    }
    for words, call in cases.items():
        with pytest.raises((InvalidArgumentError, BadDataError), match=words):
            call()


def test_mips_by_a_posterior_and_normalized():
    log = made_log(3000, actions=4)
    group = np.array([0, 0, 1, 1])
    p_embedding = np.eye(2)[group]
    known = op.mips(
        log["action"],
        log["reward"],
        log["logging"],
        log["target"],
        embedding=group[log["action"]],
        p_embedding=p_embedding,
    )
    mass = log["logging"] * (group[None, :] == group[log["action"]][:, None])
    posterior = mass / mass.sum(axis=1, keepdims=True)
    by_posterior = op.mips(
        log["action"], log["reward"], log["logging"], log["target"], posterior=posterior
    )
    assert by_posterior.value == pytest.approx(known.value, abs=1e-12)
    assert known.effective_sample_size > op.ips(**weighted(log)).effective_sample_size
    normalized = op.mips(
        log["action"],
        log["reward"],
        log["logging"],
        log["target"],
        posterior=posterior,
        normalized=True,
    )
    assert normalized.name == "snmips"
    assert normalized.value != known.value
