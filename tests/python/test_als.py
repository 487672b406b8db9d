"""ALS against its own formulas, written out in plain NumPy."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

import penchant as pn
from penchant import errors

FACTORS = 5

# Every member of the objective is moved at least once.
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {"alpha": 2.0, "regularization": 0.5},
    "unobserved": {"alpha": 1.0, "regularization": 0.3, "unobserved_weight": 0.2},
    "ials": {
        "alpha": 0.0,
        "regularization": 0.02,
        "unobserved_weight": 0.1,
        "regularization_exponent": 1.0,
    },
    "root": {"alpha": 4.0, "regularization": 0.2, "regularization_exponent": 0.5},
    "log": {"alpha": 3.0, "regularization": 1.0, "weighting": "log"},
    "binary": {"alpha": 10.0, "regularization": 1.0, "weighting": "binary"},
    "recent": {
        "alpha": 8.0,
        "regularization": 2.0,
        "weighting": "capped",
        "half_life": "9d",
        "unobserved_weight": 0.7,
    },
}
each = pytest.mark.parametrize("setting", list(SETTINGS))


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    log = pn.simulate.retail(subjects=60, items=40, days=60, seed=3).events
    log = log[["subject", "item", "time", "quantity"]].copy()
    log["quantity"] = log["quantity"] * 0.4  # below and above the cap of one
    return log


@pytest.fixture(scope="module")
def data(events: pd.DataFrame) -> pn.Dataset:
    return pn.Dataset.from_events(events, value="quantity")


def fit(data: pn.Dataset, setting: str, **more: Any) -> pn.ALS:
    return pn.ALS(**{"factors": FACTORS, "iterations": 4, **SETTINGS[setting], **more}).fit(data)


# the plain twin -----------------------------------------------------------------------------------


def confidences(events: pd.DataFrame, model: pn.ALS) -> tuple[np.ndarray, np.ndarray]:
    """Observed [n, m] bool and c = 1 + alpha v [n, m], from the events themselves."""
    pairs = events.groupby(["subject", "item"]).agg(value=("quantity", "sum"), last=("time", "max"))
    value = pairs["value"].to_numpy()
    weight = {
        "linear": value,
        "log": np.log1p(value),
        "binary": np.ones_like(value),
        "capped": np.minimum(value, 1),
    }[model.weighting]
    if model.half_life is not None:
        days = (events["time"].max() - pairs["last"]).dt.total_seconds() / 86_400
        weight = weight * 0.5 ** (days.to_numpy() / float(model.half_life.rstrip("d")))
    rows = pairs.index.get_level_values("subject")
    columns = pairs.index.get_level_values("item")
    shape = (len(model.subject_ids_), len(model.item_ids_))
    at = (np.searchsorted(model.subject_ids_, rows), np.searchsorted(model.item_ids_, columns))
    observed = np.zeros(shape, bool)
    confidence = np.zeros(shape)
    observed[at] = True
    confidence[at] = 1 + model.alpha * weight
    return observed, confidence


def regularizations(model: pn.ALS, observed: np.ndarray) -> np.ndarray:
    counts = observed.sum(axis=1) + model.unobserved_weight * observed.shape[1]
    return model.regularization * counts**model.regularization_exponent


def objective(events: pd.DataFrame, model: pn.ALS) -> float:
    observed, confidence = confidences(events, model)
    X = model.subject_factors.astype(np.float64)
    Y = model.item_factors.astype(np.float64)
    S = X @ Y.T
    loss = (confidence * (1 - S) ** 2)[observed].sum()
    loss += model.unobserved_weight * (S[~observed] ** 2).sum()
    loss += (regularizations(model, observed) * (X**2).sum(axis=1)).sum()
    loss += (regularizations(model, observed.T) * (Y**2).sum(axis=1)).sum()
    return float(loss)


def solved(
    Y: np.ndarray, observed: np.ndarray, confidence: np.ndarray, w0: float, lambdas: np.ndarray
) -> np.ndarray:
    """The minimizing row for each row of `observed`, the other side's factors Y being given."""
    out = np.empty((len(observed), Y.shape[1]))
    for row, (mask, c) in enumerate(zip(observed, confidence, strict=True)):
        weights = np.where(mask, c, w0)
        A = (Y * weights[:, None]).T @ Y + lambdas[row] * np.eye(Y.shape[1])
        out[row] = np.linalg.solve(A, Y.T @ np.where(mask, c, 0))
    return out


# the objective ------------------------------------------------------------------------------------


@each
@pytest.mark.parametrize("solver", ["cg", "cholesky"])
def test_the_loss_is_the_formula_and_falls(
    setting: str, solver: str, data: pn.Dataset, events: pd.DataFrame
) -> None:
    model = fit(data, setting, solver=solver, iterations=8, track_loss=True)
    losses = [step["loss"] for step in model.history_]
    assert [step["iteration"] for step in model.history_] == list(range(1, 9))
    assert all(step["seconds"] >= 0 for step in model.history_)
    for before, after in itertools.pairwise(losses):
        assert after <= before * (1 + 1e-6)
    assert losses[-1] < losses[0]
    # Single-precision factors, but the sum over them in double.
    assert model.loss(data) == pytest.approx(objective(events, model), rel=1e-6)
    assert losses[-1] == pytest.approx(objective(events, model), rel=1e-6)


def test_no_loss_is_computed_unasked(data: pn.Dataset) -> None:
    assert {step["loss"] for step in fit(data, "plain").history_} == {None}


def test_the_loss_of_other_data_is_refused(data: pn.Dataset) -> None:
    with pytest.raises(errors.InvalidArgumentError, match="fitted on"):
        fit(data, "plain").loss(pn.Dataset.from_interactions(["a"], ["b"]))


# the solvers --------------------------------------------------------------------------------------


@each
def test_a_half_step_solves_the_normal_equations(
    setting: str, data: pn.Dataset, events: pd.DataFrame
) -> None:
    model = fit(data, setting, solver="cholesky", iterations=2)
    observed, confidence = confidences(events, model)
    Y = model.item_factors.astype(np.float64)
    lambdas = regularizations(model, observed)
    expected = solved(Y, observed, confidence, model.unobserved_weight, lambdas)
    np.testing.assert_allclose(model.subject_factors, expected, rtol=2e-4, atol=2e-5)


@each
@pytest.mark.parametrize("solver", ["cg", "cholesky"])
def test_both_sides_are_solved_in_the_end(
    setting: str, solver: str, data: pn.Dataset, events: pd.DataFrame
) -> None:
    model = fit(data, setting, solver=solver, iterations=600)
    observed, confidence = confidences(events, model)
    w0 = model.unobserved_weight
    X = model.subject_factors.astype(np.float64)
    Y = model.item_factors.astype(np.float64)
    users = solved(Y, observed, confidence, w0, regularizations(model, observed))
    items = solved(X, observed.T, confidence.T, w0, regularizations(model, observed.T))
    np.testing.assert_allclose(X, users, rtol=0, atol=2e-3 * np.abs(X).max())
    np.testing.assert_allclose(Y, items, rtol=0, atol=2e-3 * np.abs(Y).max())


@each
def test_gradients_come_to_the_exact_solution(setting: str, data: pn.Dataset) -> None:
    # As many steps as factors are exact; both start alike, so every iteration is the same.
    exact = fit(data, setting, solver="cholesky", iterations=3)
    steps = fit(data, setting, solver="cg", iterations=3, cg_steps=3 * FACTORS)
    for a, b in (
        (exact.subject_factors, steps.subject_factors),
        (exact.item_factors, steps.item_factors),
    ):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)


# folding in ---------------------------------------------------------------------------------------


@each
def test_ones_own_history_folds_into_ones_own_vector(setting: str, data: pn.Dataset) -> None:
    # Users are solved last, so that their vectors are exact for the items' final ones.
    model = fit(data, setting, solver="cholesky")
    view = model.fold_in(data)
    assert view.subject_ids_.tolist() == model.subject_ids_.tolist()
    assert np.abs(view.subject_factors - model.subject_factors).max() < 1e-5


@pytest.mark.parametrize("setting", ["plain", "ials", "recent"])
def test_after_gradients_too_once_they_converged(setting: str, data: pn.Dataset) -> None:
    model = fit(data, setting, solver="cg", iterations=600)
    view = model.fold_in(data)
    assert np.abs(view.subject_factors - model.subject_factors).max() < 1e-5


@each
def test_one_person_alone_folds_in_alike(
    setting: str, data: pn.Dataset, events: pd.DataFrame
) -> None:
    # Recency counts from the end of training, not from the newcomer's last event.
    model = fit(data, setting, solver="cholesky")
    for row in (0, 17, len(model.subject_ids_) - 1):
        subject = model.subject_ids_[row]
        view = model.fold_in(events[events["subject"] == subject], value="quantity")
        assert np.abs(view.subject_factors - model.subject_factors[row]).max() < 1e-5
        mine = model.recommend(subject, k=5)
        assert view.recommend(subject, k=5)["item"].tolist() == mine["item"].tolist()


# what the scores are ------------------------------------------------------------------------------


def test_scores_are_products_of_the_vectors(data: pn.Dataset) -> None:
    model = fit(data, "plain")
    assert model.subject_factors.dtype == model.item_factors.dtype == np.float32
    assert model.subject_factors.shape == (data.num_subjects, FACTORS)
    assert not model.subject_factors.flags.writeable
    frame = model.recommend(model.subject_ids_[:5], k=1000, exclude_seen=False)
    for row, (_, part) in enumerate(frame.groupby("subject", sort=False)):
        scores = model.item_factors.astype(np.float64) @ model.subject_factors[row]
        at = np.searchsorted(model.item_ids_, part["item"].to_numpy())
        np.testing.assert_allclose(part["score"], scores[at], rtol=1e-4, atol=1e-6)


def test_similar_items_are_near_by_cosine(data: pn.Dataset) -> None:
    model = fit(data, "plain")
    unit = model.item_factors / np.linalg.norm(model.item_factors, axis=1, keepdims=True)
    frame = model.similar_items(model.item_ids_[3], k=6)
    at = np.searchsorted(model.item_ids_, frame["similar"].to_numpy())
    np.testing.assert_allclose(frame["score"], unit[at] @ unit[3], rtol=1e-4)
    others = np.delete(unit @ unit[3], 3)
    np.testing.assert_allclose(frame["score"], np.sort(others)[::-1][:6], rtol=1e-4)


def test_the_seed_starts_elsewhere(data: pn.Dataset) -> None:
    one = fit(data, "plain", iterations=1, seed=1)
    two = fit(data, "plain", iterations=1, seed=2)
    assert not np.allclose(one.item_factors, two.item_factors)
    again = fit(data, "plain", iterations=1, seed=1)
    assert one.item_factors.tobytes() == again.item_factors.tobytes()


# other people's names for the same thing ----------------------------------------------------------


def test_the_confidence_of_the_public_library(data: pn.Dataset, events: pd.DataFrame) -> None:
    """There, c is alpha times the value (not one plus it), 1 where nothing was observed."""
    model = fit(data, "binary", solver="cholesky", alpha=10.0, regularization=1.0)
    Y = model.item_factors.astype(np.float64)
    bought = data.to_csr("binary").toarray()
    theirs = 11.0  # the library's alpha
    for row, ones in enumerate(bought):
        C = np.where(ones > 0, theirs * ones, 1.0)
        A = Y.T @ Y + Y.T @ np.diag(C - 1) @ Y + 1.0 * np.eye(FACTORS)
        x = np.linalg.solve(A, Y.T @ (C * ones))
        np.testing.assert_allclose(model.subject_factors[row], x, rtol=2e-4, atol=2e-5)


def test_the_weights_of_ials(data: pn.Dataset) -> None:
    """Rendle et al. sum (1 - s)^2 over the observed and alpha0 s^2 over all pairs."""
    alpha0, regularization = 0.05, 0.01
    model = fit(
        data, "ials", solver="cholesky", alpha=0.0, regularization=regularization,
        unobserved_weight=alpha0 / (1 + alpha0), regularization_exponent=1.0,
    )  # fmt: skip
    Y = model.item_factors.astype(np.float64)
    bought = data.to_csr("binary").toarray() > 0
    for row, mask in enumerate(bought):
        n = mask.sum() + alpha0 * len(mask)
        A = alpha0 * Y.T @ Y + Y[mask].T @ Y[mask] + regularization * n * np.eye(FACTORS)
        x = np.linalg.solve(A, Y[mask].sum(axis=0))
        # Up to the factors' scale and the small difference in n.
        np.testing.assert_allclose(
            model.subject_factors[row] / (1 + alpha0), x, rtol=0, atol=0.02 * np.abs(x).max()
        )
