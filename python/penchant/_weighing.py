"""What each of a pipeline's sources counts: as given, or learned on its training data."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ._blend import BlendWeights, learn_cold_weights, learn_weights
from ._default_funnel import cold_prior_weights, knows_people, prior_weights
from ._windows import FittedWindows
from .data.dataset import Dataset
from .errors import InvalidArgumentError
from .models._base import Model

__all__ = ["Weighing", "source_names"]


class Weighing:
    """Weights of a pipeline's sources, for people with a history and for those without."""

    weights: Mapping[str, Mapping[str, float]] | None
    threads: int | None

    def _all_sources_for(self, data: Dataset) -> list[Model]:
        raise NotImplementedError

    def _engine_of(self, data: Dataset, sources: list[Model], weights: BlendWeights) -> Any:
        raise NotImplementedError

    def _weights(self, train: Dataset, windows: FittedWindows) -> BlendWeights:
        """Of the sources proper, where there is a history."""
        template = windows.template
        given = self.weights or {}
        names = source_names(self._all_sources_for(train))
        for regime, by_name in given.items():
            unknown = sorted(set(by_name) - set(names))
            if regime not in ("repeats", "new", "cold") or unknown:
                raise InvalidArgumentError(
                    f"Pipeline: weights has no place for {unknown or regime!r}; regimes are "
                    f"'repeats', 'new' and 'cold', sources {', '.join(names)}"
                )
        if given:
            chosen = {
                regime: self._given(regime, template, prior_weights(template, repeats=repeats))
                for regime, repeats in (("repeats", True), ("new", False))
            }
            return BlendWeights(chosen["repeats"], chosen["new"], {"windows": 0})
        return learn_weights(windows, self._unweighted_engine, threads=self.threads or 0)

    def _given(self, regime: str, sources: list[Model], prior: list[float]) -> list[float]:
        by_name = (self.weights or {}).get(regime, {})
        values = [
            float(by_name.get(name, weight))
            for name, weight in zip(source_names(sources), prior, strict=True)
        ]
        if not all(np.isfinite(v) and v >= 0 for v in values) or not any(values):
            raise InvalidArgumentError(
                f"Pipeline: weights[{regime!r}] must be finite, not negative and not all 0"
            )
        return values

    def _cold_weights(self, train: Dataset, learned: BlendWeights) -> BlendWeights:
        """The weights with those for people without a history, where attributes speak for them."""
        template = self._all_sources_for(train)
        silent = [0.0] * (len(template) - len(learned.repeats))
        weights = dataclasses.replace(
            learned, repeats=[*learned.repeats, *silent], new=[*learned.new, *silent]
        )
        if train._people is None or not any(knows_people(source) for source in template):
            return weights
        prior = cold_prior_weights(template)
        if self.weights:
            return dataclasses.replace(weights, cold=self._given("cold", template, prior))
        speaks = [at for at, weight in enumerate(prior) if weight > 0]
        found, validation = learn_cold_weights(
            train,
            [prior[at] for at in speaks],
            lambda data: [self._all_sources_for(data)[at] for at in speaks],
            self._unweighted_engine,
            threads=self.threads or 0,
        )
        cold = np.zeros(len(template))
        cold[speaks] = found
        return dataclasses.replace(
            weights, cold=cold.tolist(), validation={**weights.validation, "cold": validation}
        )

    def _unweighted_engine(self, data: Dataset, sources: list[Model]) -> Any:
        ones = [1.0] * len(sources)
        return self._engine_of(data, sources, BlendWeights(ones, ones, {}))


def source_names(sources: list[Model]) -> list[str]:
    """Names of the sources' kinds, numbered from the second of a kind on."""
    names: list[str] = []
    for source in sources:
        kind = _kind(type(source).__name__)
        taken = sum(name == kind or name.startswith(f"{kind}_") for name in names)
        names.append(kind if taken == 0 else f"{kind}_{taken + 1}")
    return names


def _kind(name: str) -> str:
    """`item_knn` of ItemKNN, `als` of ALS, `local_ridge` of LocalRidge."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
