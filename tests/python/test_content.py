"""Content: what is known of items, how it is weighed, and that newcomers among them are found."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import penchant as pn
from penchant import errors
from penchant.models._features import Recipe, item_features

GOODS = pd.DataFrame(
    {
        "item": ["a", "b", "c", "d", "e"],
        "name": ["Red tea pot", "Red tea cup", "Blue garden chair", "Tea, green", ""],
        "kind": ["kitchen", "kitchen", "garden", "food", None],
        "tags": [["new", "sale"], ["sale"], [], ["new"], None],
        "price": [12.0, 8.0, 90.0, 4.0, float("nan")],
        "organic": [False, False, False, True, None],
        "look": [[1.0, 0.0], [2.0, 0.0], [0.0, 3.0], [1.0, 1.0], None],
        "since": pd.to_datetime(["2024-01-01"] * 5),
    }
)
LOG = pd.DataFrame(
    {"subject": ["p", "p", "q", "r"], "item": ["a", "c", "d", "e"],
     "time": ["2025-01-01", "2025-01-02", "2025-01-03", "2025-01-04"]}
)  # fmt: skip


def shop(**more: Any) -> pn.Dataset:
    return pn.Dataset.from_events(LOG, catalog=GOODS, unseen_items="keep", **more)


def rows(data: pn.Dataset, **recipe: Any) -> tuple[list[str], np.ndarray]:
    """Names of the features and the dense rows [items, features + width]."""
    found = item_features(data._attributes, data._core.item_names, data.num_items, Recipe(**recipe))
    out = np.zeros((data.num_items, len(found.names)))
    for i in range(data.num_items):
        at = slice(found.offsets[i], found.offsets[i + 1])
        assert np.all(np.diff(found.features[at]) > 0)
        out[i, found.features[at]] = found.values[at]
    return found.names, np.hstack([out, found.dense])


# the catalogue in the dataset ---------------------------------------------------------------------


def test_attributes_are_those_of_the_items_in_their_order() -> None:
    data = shop()
    assert data.item_ids.tolist() == ["a", "b", "c", "d", "e"]
    frame = data.item_attributes
    assert frame.columns.tolist() == ["item", "kind", "tags", "price", "organic", "look"]
    assert frame["kind"].tolist()[:4] == ["kitchen", "kitchen", "garden", "food"]
    assert frame["tags"][0].tolist() == ["new", "sale"]
    dropped = pn.Dataset.from_events(LOG, catalog=GOODS.sample(frac=1, random_state=0))
    assert dropped.item_ids.tolist() == ["a", "c", "d", "e"]
    assert dropped.item_attributes["kind"].tolist()[:3] == ["kitchen", "garden", "food"]
    assert pn.Dataset.from_events(LOG).item_attributes is None
    assert pn.Dataset.from_events(LOG, catalog=GOODS[["item", "name"]]).item_attributes is None


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_attributes_of_every_kind_of_frame(kind: str) -> None:
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    table = pa.Table.from_pandas(GOODS)
    catalog = pl.from_arrow(table) if kind == "polars" else table
    other = pn.Dataset.from_events(LOG, catalog=catalog, unseen_items="keep")
    names, found = rows(other)
    expected_names, expected = rows(shop())
    assert names == expected_names
    np.testing.assert_array_equal(found, expected)


def test_an_item_twice_in_the_catalogue_is_what_comes_first() -> None:
    twice = pd.concat([GOODS, GOODS.assign(kind="other")])
    assert pn.Dataset.from_events(LOG, catalog=twice).item_attributes["kind"][0] == "kitchen"


def test_kept_items_stay_in_every_part(small_events: pd.DataFrame) -> None:
    goods = pd.DataFrame({"item": ["never sold", *small_events["item"].unique()], "kind": "x"})
    data = pn.Dataset.from_events(small_events, catalog=goods, unseen_items="keep")
    train, test = pn.splits.temporal(data, test="14d")
    for part in (data, train, test, data.filter(items=data.item_ids[:3])):
        assert "never sold" in part.item_ids
        assert part.num_items == data.num_items
        assert len(part.item_attributes) == part.num_items
    assert train.to_csr().getnnz(axis=0)[list(train.item_ids).index("never sold")] == 0
    sold = pn.Dataset.from_events(small_events, catalog=goods)
    part = sold.filter(items=sold.item_ids[2:5])
    assert part.item_attributes["item"].tolist() == part.item_ids.tolist()


def test_integer_ids_may_be_texts_in_the_events_but_not_the_other_way() -> None:
    log = pd.DataFrame({"subject": ["p"], "item": [3]})
    goods = pd.DataFrame({"item": [3, 4], "kind": ["x", "y"]})
    kept = pn.Dataset.from_events(log, time=None, catalog=goods, unseen_items="keep")
    assert kept.item_ids.tolist() == [3, 4]
    texts = pn.Dataset.from_events(
        log.astype({"item": str}), time=None, catalog=goods, unseen_items="keep"
    )
    assert texts.item_ids.tolist() == ["3", "4"]
    named = goods.assign(item=["three", "four"])
    with pytest.raises(errors.InvalidArgumentError, match="one kind"):
        pn.Dataset.from_events(log, time=None, catalog=named, unseen_items="keep")


def test_the_hash_knows_the_attributes_and_a_pickle_keeps_them() -> None:
    import pickle

    data = shop()
    again = pickle.loads(pickle.dumps(data))
    assert again == data
    assert again.item_attributes["kind"].tolist() == data.item_attributes["kind"].tolist()
    assert pn.splits.temporal(again, test="1d")[0].num_items == 5
    other = pn.Dataset.from_events(LOG, catalog=GOODS.assign(kind="other"), unseen_items="keep")
    assert other.hash != data.hash
    assert pn.Dataset.from_events(LOG).hash != pn.Dataset.from_events(LOG, catalog=GOODS).hash


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"unseen_items": "maybe"}, "unseen_items"),
        ({"unseen_items": "keep", "catalog": None}, "catalog"),
        ({"catalog": GOODS[["name"]]}, "no column 'item'"),
        ({"catalog": GOODS.assign(mixed=[1, "x", None, 2.5, b"y"])}, "mixed"),
    ],
)
def test_catalogues_that_make_no_sense(more: dict[str, Any], words: str) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=words):
        pn.Dataset.from_events(LOG, **{"catalog": GOODS, **more})


# features -----------------------------------------------------------------------------------------


def test_words_and_categories_are_weighed_as_written() -> None:
    names, found = rows(shop(), text=["name"], categories=["kind"], numbers=[], vectors=[])
    assert names == ["name:red", "name:tea", "kind=kitchen"]
    idf = {n: 1 + math.log(6 / (1 + df)) for n, df in
           {"name:red": 2, "name:tea": 3, "kind=kitchen": 2}.items()}  # fmt: skip
    words = np.array([idf["name:red"], idf["name:tea"]])
    expected = np.r_[words / np.linalg.norm(words), 1.0] / math.sqrt(2)
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)
    np.testing.assert_allclose(found[3], [0, 1, 0], rtol=1e-6)  # only "tea" is shared
    np.testing.assert_array_equal(found[4], [0, 0, 0])


def test_columns_are_taken_as_what_they_look_like() -> None:
    names, found = rows(shop(), min_count=1, bins=2)
    assert {name.split("=")[0].split(":")[0] for name in names} == {
        "name", "kind", "tags", "price", "organic"
    }  # fmt: skip
    assert "tags=sale" in names
    assert "organic=True" in names
    assert "price=1 of 2" in names
    assert found.shape[1] == len(names) + 2  # the look
    norms = np.linalg.norm(found, axis=1)
    np.testing.assert_allclose(norms[:4], 1.0, rtol=1e-6)
    assert norms[4] == 0


def test_a_weight_is_a_share_of_the_square() -> None:
    recipe = {"text": [], "numbers": [], "categories": ["kind", "tags"], "vectors": []}
    names, found = rows(shop(), **recipe, min_count=1, weights={"kind": 3.0})
    kind = [at for at, name in enumerate(names) if name.startswith("kind")]
    assert (found[0, kind] ** 2).sum() == pytest.approx(0.75)
    _, without = rows(shop(), **recipe, min_count=1, weights={"kind": 0.0})
    assert without.shape[1] == 2  # features of weight zero are none


def test_vectors_count_by_their_direction() -> None:
    _, found = rows(shop(), text=[], categories=[], numbers=[])
    np.testing.assert_allclose(found[:3], [[1, 0], [1, 0], [0, 1]])
    for bad, words in (([1.0], "length"), ([math.inf, 0.0], "not finite")):
        looks = [[1.0, 0.0]] * 4 + [bad]
        goods = GOODS.assign(look=looks)
        other = pn.Dataset.from_events(LOG, catalog=goods, unseen_items="keep")
        with pytest.raises(errors.InvalidArgumentError, match=words):
            pn.Content(vectors=["look"]).fit(other)


def test_numbers_are_classes_of_equally_many() -> None:
    goods = pd.DataFrame({"item": [f"i{n:02d}" for n in range(40)], "price": np.arange(40.0)})
    log = pd.DataFrame({"subject": ["p"], "item": ["i00"]})
    data = pn.Dataset.from_events(log, time=None, catalog=goods, unseen_items="keep")
    names, found = rows(data, bins=4)
    assert names == ["price=1 of 4", "price=2 of 4", "price=3 of 4", "price=4 of 4"]
    assert found.sum(axis=0).tolist() == [10.0] * 4


# the model ----------------------------------------------------------------------------------------


def test_what_is_alike_is_found_even_if_nobody_had_it() -> None:
    model = pn.Content(min_count=1).fit(shop())
    frame = model.recommend("p", k=1)
    assert frame["item"].tolist() == ["b"]  # a cup for someone with a pot; no event has it
    assert model.similar_items("a", k=1)["similar"].tolist() == ["b"]
    # Of the last one nothing is known.
    assert model.recommend("r", k=1)["source"].tolist() == ["popular"]


def test_recent_interests_count_more() -> None:
    long_ago = pn.Content(min_count=1, half_life="1h").fit(shop())
    assert long_ago.recommend("p", k=5, exclude_seen=False)["item"].tolist()[0] == "c"
    funnel = pn.Pipeline([pn.Content(min_count=1)]).fit(shop())
    shown = funnel.recommend("p", k=1, exclude_seen=True)
    assert shown["item"].tolist() == ["b"]
    assert shown["reason"].tolist() == ["Because of Red tea pot"]


def test_nothing_known_is_said() -> None:
    with pytest.raises(errors.InvalidArgumentError, match=r"Content.*catalog="):
        pn.Content().fit(pn.Dataset.from_events(LOG))


def test_it_sees_tastes_in_a_simulated_shop() -> None:
    world = pn.simulate.retail(subjects=300, items=120, days=90, seed=5)
    goods = world.catalog[["item", "category", "type", "brand"]]
    data = pn.Dataset.from_events(world.events, type="event", value="quantity", catalog=goods)
    train, test = pn.splits.temporal(data, test="28d")
    found = pn.compare(pn.Content().fit(train), pn.Random().fit(train), test, ["ndcg@10"])
    assert found["ndcg@10"].low > 0


# Hybrid -------------------------------------------------------------------------------------------


def test_factors_that_know_attributes_find_what_was_never_sold() -> None:
    world = pn.simulate.retail(subjects=600, items=150, days=100, seed=8)
    goods = world.catalog[["item", "name", "category", "type", "brand", "price"]]
    launched = set(goods["item"].iloc[::6])
    cut = world.events["time"].max() - pd.Timedelta(days=28)
    late = world.events["time"] >= cut
    log = world.events[late | ~world.events["item"].isin(launched)]
    data = pn.Dataset.from_events(
        log, type="event", value="quantity", catalog=goods, unseen_items="keep"
    )
    train, test = pn.splits.temporal(data, cut=cut)
    assert launched <= set(train.item_ids)
    new = test.filter(items=list(launched))
    als = pn.ALS(factors=16, alpha=10, regularization=10).fit(train)
    hybrid = pn.Hybrid(factors=16, alpha=10, regularization=10).fit(train)
    # Of what was never sold, who will want which: better than chance, and than plain ALS by far.
    assert pn.evaluate(hybrid, new, ["auc"])["auc"].low > 0.6
    assert pn.compare(hybrid, als, new, ["auc"])["auc"].low > 0.2
    # And on the whole it loses nothing.
    assert pn.compare(hybrid, als, test, ["ndcg@10"])["ndcg@10"].high > 0
    vectors = hybrid.item_factors
    assert vectors.shape == (train.num_items, 16)
    assert np.abs(vectors).sum(axis=1).min() > 0
    assert hybrid.subject_factors.shape == (train.num_subjects, 16)
