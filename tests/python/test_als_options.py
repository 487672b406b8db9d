"""What ALS can do beside its plain iterations: biases, blocks, stopping, resuming, going on."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import penchant as pn
from penchant import errors


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    log = pn.simulate.retail(subjects=80, items=50, days=60, seed=5).events
    return log[["subject", "item", "time"]].copy()


@pytest.fixture(scope="module")
def data(events: pd.DataFrame) -> pn.Dataset:
    return pn.Dataset.from_events(events)


def bits(model: pn.ALS) -> tuple[bytes, bytes]:
    return model.subject_factors.tobytes(), model.item_factors.tobytes()


def dense(data: pn.Dataset, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Observed [n, m] bool and c [n, m]."""
    value = data.to_csr().toarray().astype(np.float64)
    return value > 0, np.where(value > 0, 1 + alpha * value, 0.0)


# biases -------------------------------------------------------------------------------------------

BIASED: dict[str, dict[str, Any]] = {
    "item": {"item_bias": True},
    "user": {"user_bias": True},
    "both": {"user_bias": True, "item_bias": True},
    "scaled": {
        "user_bias": True,
        "item_bias": True,
        "regularization_exponent": 0.8,
        "unobserved_weight": 0.3,
        "regularization": 0.02,
    },
}
ALPHA = 3.0


def fit_biased(data: pn.Dataset, name: str, **more: Any) -> pn.ALS:
    settings = {"factors": 6, "alpha": ALPHA, "regularization": 0.4, "iterations": 5}
    return pn.ALS(**{**settings, **BIASED[name], **more}).fit(data)


def parts(model: pn.ALS) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    X, Y = model.subject_factors.astype(np.float64), model.item_factors.astype(np.float64)
    a = np.zeros(len(X)) if model.subject_biases is None else model.subject_biases
    b = np.zeros(len(Y)) if model.item_biases is None else model.item_biases
    return X, Y, a.astype(np.float64), b.astype(np.float64)


def lambdas(model: pn.ALS, observed: np.ndarray) -> np.ndarray:
    n = observed.sum(axis=1) + model.unobserved_weight * observed.shape[1]
    return model.regularization * n**model.regularization_exponent


@pytest.mark.parametrize("name", list(BIASED))
@pytest.mark.parametrize("solver", ["cg", "cholesky", "subspace"])
def test_biases_are_part_of_the_objective(name: str, solver: str, data: pn.Dataset) -> None:
    model = fit_biased(data, name, solver=solver, track_loss=True)
    observed, c = dense(data, ALPHA)
    X, Y, a, b = parts(model)
    S = X @ Y.T + a[:, None] + b[None, :]
    loss = (c * (1 - S) ** 2)[observed].sum() + model.unobserved_weight * (S[~observed] ** 2).sum()
    loss += (lambdas(model, observed) * ((X**2).sum(axis=1) + a**2)).sum()
    loss += (lambdas(model, observed.T) * ((Y**2).sum(axis=1) + b**2)).sum()
    assert model.loss(data) == pytest.approx(loss, rel=1e-6)
    for before, after in itertools.pairwise(model.loss_):
        assert after <= before * (1 + 1e-6)
    assert (model.subject_biases is not None) == bool(model.user_bias)
    assert (model.item_biases is not None) == bool(model.item_bias)


@pytest.mark.parametrize("name", list(BIASED))
def test_a_biased_half_step_solves_its_normal_equations(name: str, data: pn.Dataset) -> None:
    model = fit_biased(data, name, solver="cholesky")
    observed, c = dense(data, ALPHA)
    X, Y, a, b = parts(model)
    ones = np.ones((len(Y), 1)) if model.user_bias else np.zeros((len(Y), 0))
    Z = np.hstack([Y, ones])
    for u, (mask, weights) in enumerate(zip(observed, c, strict=True)):
        w = np.where(mask, weights, model.unobserved_weight)
        target = np.where(mask, 1.0, 0.0) - b
        A = (Z * w[:, None]).T @ Z + lambdas(model, observed)[u] * np.eye(Z.shape[1])
        exact = np.linalg.solve(A, Z.T @ (w * target))
        found = np.concatenate([X[u], a[u : u + 1]]) if model.user_bias else X[u]
        np.testing.assert_allclose(found, exact, rtol=2e-4, atol=5e-5)


@pytest.mark.parametrize("name", list(BIASED))
def test_biased_histories_fold_into_their_vectors(name: str, data: pn.Dataset) -> None:
    model = fit_biased(data, name, solver="cholesky")
    view = model.fold_in(data)
    assert np.abs(view.subject_factors - model.subject_factors).max() < 2e-5
    if model.user_bias:
        assert np.abs(view.subject_biases - model.subject_biases).max() < 2e-5
    frame = model.recommend(model.subject_ids_[:4], k=1000, exclude_seen=False)
    X, Y, a, b = parts(model)
    for row, (_, part) in enumerate(frame.groupby("subject", sort=False)):
        at = np.searchsorted(model.item_ids_, part["item"].to_numpy())
        np.testing.assert_allclose(part["score"], (Y @ X[row] + a[row] + b)[at], atol=1e-5)
    unit = Y / np.linalg.norm(Y, axis=1, keepdims=True)
    similar = model.similar_items(model.item_ids_[2], k=4)
    at = np.searchsorted(model.item_ids_, similar["similar"].to_numpy())
    np.testing.assert_allclose(similar["score"], unit[at] @ unit[2], rtol=1e-4)


# solvers ------------------------------------------------------------------------------------------


def test_one_block_of_all_unknowns_is_the_exact_solution(data: pn.Dataset) -> None:
    exact = pn.ALS(factors=20, alpha=5.0, solver="cholesky", iterations=3).fit(data)
    block = pn.ALS(factors=20, alpha=5.0, solver="subspace", block_factors=32, iterations=3)
    np.testing.assert_allclose(
        block.fit(data).subject_factors, exact.subject_factors, rtol=1e-3, atol=1e-3
    )
    alias = pn.ALS(factors=20, alpha=5.0, solver="ialspp", block_factors=32, iterations=3)
    assert bits(alias.fit(data)) == bits(block)


def test_blocks_come_to_the_exact_solution(data: pn.Dataset) -> None:
    exact = pn.ALS(factors=40, alpha=20.0, regularization=1.0, solver="cholesky", iterations=60)
    blocks = pn.ALS(
        factors=40, alpha=20.0, regularization=1.0, solver="subspace", block_factors=16,
        iterations=60,
    )  # fmt: skip
    assert blocks.fit(data).loss(data) == pytest.approx(exact.fit(data).loss(data), rel=2e-3)


@pytest.mark.parametrize("alpha", [1.0, 40.0, 2000.0])
def test_an_exact_half_step_reaches_the_least_objective(alpha: float, data: pn.Dataset) -> None:
    """To a thousandth, however unequal the weights are."""
    model = pn.ALS(
        factors=48, alpha=alpha, regularization=0.1, solver="cholesky", iterations=3
    ).fit(data)
    observed, c = dense(data, alpha)
    X, Y, _, _ = parts(model)

    def objective(X: np.ndarray) -> np.ndarray:
        S = X @ Y.T
        fit = np.where(observed, c * (1 - S) ** 2, S**2).sum(axis=1)
        return fit + 0.1 * (X**2).sum(axis=1)

    exact = np.stack([
        np.linalg.solve((Y * np.where(m, w, 1)[:, None]).T @ Y + 0.1 * np.eye(48), Y.T @ w)
        for m, w in zip(observed, c, strict=True)
    ])  # fmt: skip
    least = objective(exact)
    assert (objective(X) <= least * (1 + 1e-3)).all()


def test_more_steps_where_weights_are_unequal(data: pn.Dataset) -> None:
    mean = float(data.to_csr().data.mean())
    for ratio, steps in ((10.0, 1), (60.0, 2), (500.0, 3)):
        alpha = (ratio - 1) / mean
        chosen = pn.ALS(factors=8, alpha=alpha, iterations=2).fit(data)
        given = pn.ALS(factors=8, alpha=alpha, iterations=2, cg_steps=steps).fit(data)
        assert bits(chosen) == bits(given)


# losses, stopping ---------------------------------------------------------------------------------


def test_losses_are_an_array(data: pn.Dataset) -> None:
    model = pn.ALS(factors=4, iterations=3, track_loss=True).fit(data)
    assert model.loss_.dtype == np.float64
    assert model.loss_.tolist() == [entry["loss"] for entry in model.history_]
    assert model.best_iteration_ == 3
    assert not hasattr(model.set_params(track_loss=False).fit(data), "loss_")


@pytest.fixture(scope="module")
def halves(data: pn.Dataset) -> tuple[pn.Dataset, pn.Dataset]:
    return pn.splits.temporal(data, test="14d")


def test_it_stops_when_the_validation_metric_does_not_rise(
    halves: tuple[pn.Dataset, pn.Dataset],
) -> None:
    train, valid = halves
    model = pn.ALS(factors=16, alpha=10.0, iterations=60, early_stopping=2)
    model.fit(train, valid=valid)
    metrics = [entry["metric"] for entry in model.history_]
    best = int(np.argmax(metrics))
    assert model.best_iteration_ == best + 1
    assert len(metrics) == min(60, best + 1 + 2)
    assert pn.evaluate(model, valid, ["ndcg@10"])["ndcg@10"].value == max(metrics)
    short = pn.ALS(factors=16, alpha=10.0, iterations=best + 1).fit(train)
    assert bits(short) == bits(model)


def test_a_callback_sees_each_iteration_and_may_stop(data: pn.Dataset) -> None:
    seen = []

    def callback(iteration: int, model: pn.ALS) -> bool:
        seen.append((iteration, bits(model)))
        assert len(model.recommend(model.subject_ids_[0], k=3)) == 3
        return iteration == 3

    model = pn.ALS(factors=4, iterations=9).fit(data, callback=callback)
    assert [iteration for iteration, _ in seen] == [1, 2, 3]
    assert seen[-1][1] == bits(model)
    assert len(model.history_) == 3


# checkpoints --------------------------------------------------------------------------------------


class InterruptedFitError(Exception):
    pass


@pytest.mark.parametrize("solver", ["cg", "subspace"])
def test_a_resumed_fit_ends_with_the_same_bits(
    solver: str, data: pn.Dataset, tmp_path: Path
) -> None:
    settings = {"factors": 20, "iterations": 7, "solver": solver, "item_bias": True}
    whole = pn.ALS(**settings).fit(data)
    path = tmp_path / "als.checkpoint"

    def give_up(iteration: int, model: pn.ALS) -> None:
        if iteration == 4:
            raise InterruptedFitError

    with pytest.raises(InterruptedFitError):
        pn.ALS(**settings).fit(data, callback=give_up, checkpoint=path)
    resumed = pn.ALS(**settings, threads=1).fit(data, checkpoint=path)
    assert bits(resumed) == bits(whole)
    assert [entry["iteration"] for entry in resumed.history_] == list(range(1, 8))
    # A finished fit's file goes on with more iterations.
    longer = pn.ALS(**{**settings, "iterations": 9}).fit(data, checkpoint=path)
    assert bits(longer) == bits(pn.ALS(**{**settings, "iterations": 9}).fit(data))


def test_the_best_iteration_survives_a_resume(
    halves: tuple[pn.Dataset, pn.Dataset], tmp_path: Path
) -> None:
    train, valid = halves
    settings = {"factors": 16, "alpha": 10.0, "iterations": 40, "early_stopping": 3}
    whole = pn.ALS(**settings).fit(train, valid=valid)
    path = tmp_path / "als.checkpoint"

    def give_up(iteration: int, model: pn.ALS) -> None:
        if iteration == whole.best_iteration_ + 2:
            raise InterruptedFitError

    with pytest.raises(InterruptedFitError):
        pn.ALS(**settings).fit(train, valid=valid, callback=give_up, checkpoint=path)
    resumed = pn.ALS(**settings).fit(train, valid=valid, checkpoint=path)
    assert bits(resumed) == bits(whole)
    assert resumed.best_iteration_ == whole.best_iteration_


def test_a_checkpoint_of_another_fit_is_refused(data: pn.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "als.checkpoint"
    pn.ALS(factors=4, iterations=2).fit(data, checkpoint=path)
    with pytest.raises(errors.InvalidArgumentError, match="parameters"):
        pn.ALS(factors=4, iterations=2, alpha=7.0).fit(data, checkpoint=path)
    other = pn.Dataset.from_interactions(["a", "b"], ["x", "y"])
    with pytest.raises(errors.InvalidArgumentError, match="data"):
        pn.ALS(factors=4, iterations=2).fit(other, checkpoint=path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(errors.CorruptBundleError):
        pn.ALS(factors=4, iterations=2).fit(data, checkpoint=path)


# going on with new events -------------------------------------------------------------------------


def cut(events: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The last ten days apart; some subjects and items are only there."""
    late = events["time"] > events["time"].max() - pd.Timedelta(days=10)
    late |= events["subject"].isin(events["subject"].unique()[-5:])
    late |= events["item"].isin(events["item"].unique()[-3:])
    return events[~late], events[late]


@pytest.mark.parametrize("half_life", [None, "20d"])
def test_going_on_knows_everything(half_life: str | None, events: pd.DataFrame) -> None:
    old, new = cut(events)
    everything = pn.Dataset.from_events(events, half_life=half_life)
    model = pn.ALS(factors=8, alpha=5.0, regularization=0.5, iterations=8)
    model.fit(pn.Dataset.from_events(old, half_life=half_life))
    more = pn.Dataset.from_events(new, half_life=half_life)
    assert model.partial_fit(more, iterations=30) is model
    assert model.subject_ids_.tolist() == everything.subject_ids.tolist()
    assert model.item_ids_.tolist() == everything.item_ids.tolist()
    assert (np.linalg.norm(model.subject_factors, axis=1) > 0).all()
    assert (np.linalg.norm(model.item_factors, axis=1) > 0).all()
    # The merged history is that of one dataset: the exact solution for it is reached.
    fresh = pn.ALS(factors=8, alpha=5.0, regularization=0.5, iterations=60).fit(everything)
    assert model.loss(everything) <= fresh.loss(everything) * 1.02
    lists = model.recommend(model.subject_ids_, k=5)
    pairs = everything.to_csr("binary").toarray() > 0
    row = np.searchsorted(model.subject_ids_, lists["subject"])
    assert not pairs[row, np.searchsorted(model.item_ids_, lists["item"])].any()


def test_going_on_gives_the_same_bits_again(events: pd.DataFrame) -> None:
    old, new = (pn.Dataset.from_events(part) for part in cut(events))
    models = [
        pn.ALS(factors=8, iterations=4, threads=threads).fit(old).partial_fit(new)
        for threads in (1, 2, 8)
    ]
    assert bits(models[0]) == bits(models[1]) == bits(models[2])
    assert len(models[0].history_) == 3


def test_no_iterations_give_new_subjects_their_vectors(events: pd.DataFrame) -> None:
    old, new = (pn.Dataset.from_events(part) for part in cut(events))
    model = pn.ALS(factors=8, solver="cholesky", iterations=4).fit(old)
    before = dict(zip(model.item_ids_, model.item_factors.copy(), strict=True))
    model.partial_fit(new, iterations=0)
    for item, vector in zip(model.item_ids_, model.item_factors, strict=True):
        if item in before:
            assert vector.tobytes() == before[item].tobytes()
    # New items stand near zero, so the exact solution is the fold-in's.
    view = model.fold_in(pn.Dataset.from_events(events))
    np.testing.assert_allclose(view.subject_factors, model.subject_factors, atol=1e-4)


def test_what_can_not_go_on_says_why(events: pd.DataFrame, data: pn.Dataset) -> None:
    model = pn.ALS(factors=4, iterations=2)
    assert bits(model.partial_fit(data)) == bits(pn.ALS(factors=4, iterations=2).fit(data))
    with pytest.raises(errors.InvalidArgumentError, match="Dataset"):
        model.partial_fit(events)
    with pytest.raises(errors.InvalidArgumentError, match="iterations"):
        model.partial_fit(data, iterations=-1)
    with pytest.raises(errors.InvalidArgumentError, match="kind"):
        model.partial_fit(pn.Dataset.from_interactions([1], [2]))
    with pytest.raises(errors.InvalidArgumentError, match="fold_in"):
        model.fold_in(data).partial_fit(data)
    with pytest.raises(errors.InvalidArgumentError, match="factors"):
        model.set_params(factors=5).partial_fit(data)


@pytest.mark.parametrize(
    ("name", "value"),
    [("iterations", 0), ("early_stopping", 0), ("cg_steps", 0), ("track_loss", 1),
     ("user_bias", "yes"), ("block_factors", 2.5), ("solver", "magic"), ("valid_metric", 3)],
)  # fmt: skip
def test_parameters_are_refused_by_name(name: str, value: Any, data: pn.Dataset) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=name):
        pn.ALS(factors=4, **{name: value}).fit(data)
