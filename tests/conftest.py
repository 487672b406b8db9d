"""A small shop that several suites share, simulated once a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import penchant as pn


def small_sources() -> list[Any]:
    """One source of each kind, two of one, in a funnel that is fitted in a blink."""
    return [
        pn.ALS(factors=8, iterations=6, alpha=5.0, regularization=1.0),
        pn.ItemKNN(similarity="bm25", neighbors=30),
        pn.ItemKNN(similarity="cosine", neighbors=30),
        pn.RepeatPurchase(),
        pn.Popular(window="14d"),
    ]


@dataclass(frozen=True)
class Shop:
    """A world's events as a frame and a dataset, a funnel over them and its file."""

    events: Any
    data: pn.Dataset
    pipeline: pn.Pipeline
    bundle: Path
    subjects: list[Any]
    items: list[Any]


@pytest.fixture(scope="session")
def small_world() -> Any:
    return pn.simulate.retail(subjects=120, items=70, days=70, seed=11)


@pytest.fixture(scope="session")
def small_events(small_world: Any) -> Any:
    return small_world.events


@pytest.fixture(scope="session")
def small_catalog(small_world: Any) -> Any:
    return small_world.catalog[["item", "category", "type", "brand", "price"]]


@pytest.fixture(scope="session")
def small_people(small_world: Any) -> Any:
    return small_world.subjects[["subject", "region", "age", "tier"]]


@pytest.fixture(scope="session")
def small_data(small_events: Any, small_catalog: Any) -> pn.Dataset:
    return pn.Dataset.from_events(
        small_events, type="event", value="quantity", catalog=small_catalog
    )


@pytest.fixture(scope="session")
def small_known_data(small_events: Any, small_catalog: Any, small_people: Any) -> pn.Dataset:
    """The same log with attributes of its people."""
    return pn.Dataset.from_events(
        small_events, type="event", value="quantity", catalog=small_catalog, subjects=small_people
    )


@pytest.fixture(scope="session")
def small_bundle(
    small_events: Any, small_data: pn.Dataset, tmp_path_factory: pytest.TempPathFactory
) -> Shop:
    pipeline = pn.Pipeline(small_sources()).fit(small_data)
    bundle = tmp_path_factory.mktemp("shop") / "shop.penchant"
    pipeline.save(bundle)
    return Shop(
        small_events,
        small_data,
        pipeline,
        bundle,
        small_data.subject_ids.tolist(),
        small_data.item_ids.tolist(),
    )
