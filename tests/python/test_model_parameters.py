"""Parameters that make no sense, of every model: each is named when the model is fitted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import penchant as pn
from funnels import little
from penchant import errors

BAD: list[tuple[Callable[[], Any], str]] = [
    *[
        (lambda key=key, value=value: pn.ALS(**{"factors": 4, key: value}), key)
        for key, value in [
            ("factors", 0), ("factors", 5000), ("factors", "many"), ("factors", 2.5),
            ("factors", 2**40), ("regularization", 0), ("regularization", -1),
            ("regularization", float("nan")), ("regularization", "a lot"), ("alpha", -1),
            ("alpha", float("inf")), ("iterations", 0), ("iterations", 1.5), ("solver", "lu"),
            ("solver", 3), ("unobserved_weight", 0), ("unobserved_weight", 1.5),
            ("regularization_exponent", -1), ("regularization_exponent", 3),
            ("weighting", "quadratic"), ("weighting", None), ("half_life", "soon"),
            ("half_life", "0d"), ("half_life", 30), ("cg_steps", 0), ("seed", -1),
            ("seed", "zero"), ("seed", 2**64), ("threads", 0), ("threads", -2), ("threads", "all"),
        ]
    ],
    *[
        (lambda key=key, value=value: pn.ItemKNN(**{key: value}), key)
        for key, value in [
            ("similarity", "pearson"), ("similarity", None), ("neighbors", 0), ("neighbors", 1.5),
            ("k1", 0), ("k1", float("nan")), ("b", -0.1), ("b", 1.1), ("shrinkage", -1),
            ("shrinkage", "some"), ("weighting", "quadratic"), ("half_life", "-3d"),
            ("threads", -1),
        ]
    ],
    *[
        (lambda key=key, value=value: pn.Popular(**{key: value}), key)
        for key, value in [("window", "0d"), ("window", 28), ("half_life", "soon"),
                           ("half_life", -1.0)]
    ],
    *[
        (lambda key=key, value=value: pn.Content(**{key: value}), key)
        for key, value in [
            ("text", "kind"), ("text", ["words"]), ("categories", ["colour"]),
            ("numbers", ["kind"]), ("vectors", ["kind"]), ("weights", {"colour": 1.0}),
            ("bins", 0), ("bins", "few"), ("min_count", 0),
            ("weights", {"kind": -1.0}), ("weights", {"kind": float("nan")}), ("weights", 2),
            ("weighting", "quadratic"), ("half_life", "-3d"),
        ]
    ],
    *[
        (lambda key=key, value=value: pn.Hybrid(**{key: value}), key)
        for key, value in [
            ("text", "kind"), ("categories", ["colour"]), ("numbers", ["kind"]), ("bins", 0),
            ("weights", {"colour": 1.0}), ("factors", 0), ("alpha", -1.0), ("iterations", 0),
            ("attribute_strength", 0.0), ("attribute_regularization", "much"),
            ("weighting", "quadratic"), ("regularization", 0), ("half_life", "-3d"), ("seed", -1),
            ("threads", 0),
        ]
    ],
    *[
        (lambda key=key, value=value: pn.EASE(**{key: value}), key)
        for key, value in [
            ("regularization", 0), ("regularization", float("inf")), ("regularization", "much"),
            ("user_exponent", -0.1), ("user_exponent", 3), ("keep", 0), ("keep", 2.5),
            ("precision", "half"), ("precision", 32), ("max_memory", 0), ("max_memory", "8GB"),
            ("weighting", "quadratic"), ("half_life", "0d"), ("threads", 0),
        ]
    ],
    *[
        (lambda key=key, value=value: pn.GraphFilter(**{key: value}), key)
        for key, value in [
            ("components", -1), ("components", 5000), ("components", 1.5),
            ("low_pass_weight", -1), ("low_pass_weight", float("nan")), ("user_exponent", -1),
            ("item_exponent", 2.5), ("target_exponent", "x"), ("sharpen", -1), ("sharpen", 11),
            ("keep", -5), ("seed", -1), ("weighting", None), ("half_life", 3), ("threads", 1.5),
        ]
    ],
    *[
        (lambda key=key, value=value: pn.LocalRidge(**{key: value}), key)
        for key, value in [
            ("neighbors", 0), ("neighbors", 20_000), ("neighbors", 1.5), ("regularization", 0),
            ("regularization", -1), ("user_exponent", 2.1), ("weighting", "x"),
            ("half_life", "soon"), ("threads", -1),
        ]
    ],
    *[
        (lambda key=key, value=value: pn.SLIM(**{key: value}), key)
        for key, value in [
            ("l1", -1), ("l1", float("nan")), ("l2", 0), ("l2", "x"), ("neighbors", 0),
            ("neighbors", "all"), ("user_exponent", -1), ("iterations", 0), ("iterations", 1.5),
            ("tolerance", 0), ("max_memory", -1), ("weighting", 1), ("half_life", "-1d"),
            ("threads", 0),
        ]
    ],
    *[
        (lambda key=key, value=value: pn.Blend(**{"models": [pn.ItemKNN()], key: value}), key)
        for key, value in [
            ("models", None), ("models", []), ("models", [3]), ("models", pn.ItemKNN()),
            ("models", [pn.Popular()] * 17), ("valid", 0), ("valid", 1.0), ("valid", "soon"),
            ("valid", None), ("metric", "auc"), ("metric", "ndcg@0"), ("metric", 20),
            ("seed", -1), ("threads", 0),
        ]
    ],
    *[(lambda value=value: pn.Random(seed=value), "seed") for value in (-1, 1.5, "x", None)],
]  # fmt: skip


@pytest.mark.parametrize("at", range(len(BAD)))
def test_a_parameter_that_makes_no_sense_is_named(at: int) -> None:
    make, parameter = BAD[at]
    model = make()  # making one never fails: scikit-learn sets parameters without looking
    with pytest.raises(errors.InvalidArgumentError, match=parameter):
        model.fit(little(["a", "b"], ["x", "y"]))
    with pytest.raises(errors.NotFittedError):
        model.recommend("a")
