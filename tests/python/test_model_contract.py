"""One contract for every model: a new sibling joins by adding its name to MODELS."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone

import funnels
import penchant as pn
from penchant import _progress, errors

Factory = Callable[..., Any]

MODELS: dict[str, Factory] = {
    "als-cg": lambda **p: pn.ALS(factors=6, iterations=4, half_life="30d", **p),
    "als-cholesky": lambda **p: pn.ALS(factors=6, iterations=4, solver="cholesky", **p),
    "als-subspace": lambda **p: pn.ALS(
        factors=20,
        iterations=3,
        solver="subspace",
        block_factors=16,
        user_bias=True,
        item_bias=True,
        regularization_exponent=1.0,
        regularization=0.005,
        **p,
    ),
    "bpr": lambda **p: pn.BPR(factors=6, iterations=8, **p),
    "warp": lambda **p: pn.WARP(factors=6, iterations=4, **p),
    "content": lambda **p: pn.Content(min_count=1, half_life="30d", **p),
    "hybrid": lambda **p: pn.Hybrid(factors=6, iterations=12, min_count=1, **p),
    "item_knn-bm25": lambda **p: pn.ItemKNN("bm25", neighbors=20, half_life="30d", **p),
    "item_knn-cosine": lambda **p: pn.ItemKNN("cosine", neighbors=20, shrinkage=3.0, **p),
    "item_knn-tfidf": lambda **p: pn.ItemKNN("tfidf", neighbors=20, weighting="log", **p),
    "ease": lambda **p: pn.EASE(regularization=20, half_life="30d", **p),
    "ease-few": lambda **p: pn.EASE(20, user_exponent=0.5, keep=20, precision="double", **p),
    "graph_filter": lambda **p: pn.GraphFilter(8, 0.3, half_life="30d", **p),
    "graph_filter-sharp": lambda **p: pn.GraphFilter(sharpen=0.5, weighting="log", **p),
    "local_ridge": lambda **p: pn.LocalRidge(20, 5.0, half_life="30d", **p),
    "slim": lambda **p: pn.SLIM(l1=0.1, l2=10, half_life="30d", **p),
    "slim-near": lambda **p: pn.SLIM(l1=0.1, l2=10, neighbors=25, weighting="binary", **p),
    "blend": lambda **p: pn.Blend([pn.ItemKNN(neighbors=20), pn.EASE(20), pn.Popular()], **p),
    "segment_popular-one": lambda **p: pn.Popular(by=["region"], **p),
    "segment_popular-three": lambda **p: pn.Popular(
        half_life="28d", by=["tier", "age", "region"], strength=5, bins=3, **p
    ),
    "popular-window": lambda **p: pn.Popular(window="14d", **p),
    "popular-half_life": lambda **p: pn.Popular(half_life="14d", **p),
    "popular-both": lambda **p: pn.Popular(window="28d", half_life="7d", **p),
    "repeat_purchase": lambda **p: pn.RepeatPurchase(**p),
    "random": lambda **p: pn.Random(seed=3, **p),
}
KINDS = {name: name.split("-")[0] for name in MODELS}
# What sets the kinds apart, as far as the contract has to know.
IMPERSONAL = {"popular", "random", "segment_popular"}  # the same with and without a history
OPERATORS = {"ease", "graph_filter", "item_knn", "local_ridge", "slim"}
FACTORS = {"als", "bpr", "hybrid", "warp"}
SIMILAR = {"blend", "content"} | FACTORS | OPERATORS
THREADED = {"blend"} | FACTORS | OPERATORS
REPORTS_PROGRESS = {"blend"} | FACTORS | OPERATORS

COLUMNS = ["subject", "item", "score", "rank", "source"]
NOBODY = "nobody of that name"
SAID = {"region": "coast", "tier": "basic", "age": 40}  # of anyone, in a request

each = pytest.mark.parametrize("name", list(MODELS))


def rows_of(frame: Any) -> list[dict[str, Any]]:
    if isinstance(frame, pa.Table):
        return frame.to_pylist()
    return frame.to_dicts() if isinstance(frame, pl.DataFrame) else frame.to_dict("records")


def little(*log: Any) -> pn.Dataset:
    return funnels.little(*log, known=True)


def as_kind(events: pd.DataFrame, kind: str) -> Any:
    if kind == "polars":
        return pl.from_pandas(events)
    return pa.Table.from_pandas(events) if kind == "pyarrow" else events


def dataset(events: Any, catalog: Any, people: Any) -> pn.Dataset:
    return pn.Dataset.from_events(
        events, type="event", value="quantity", catalog=catalog, subjects=people
    )


def with_integer_ids(frame: pd.DataFrame) -> pd.DataFrame:
    out = frame.copy()
    for column in {"subject", "item"} & set(frame.columns):
        out[column] = out[column].str.rsplit("-", n=1).str[1].astype(np.int64) * 7
    return out


@pytest.fixture(scope="module")
def small_data(small_known_data: pn.Dataset) -> pn.Dataset:
    return small_known_data


@pytest.fixture(scope="module")
def fitted(small_data: pn.Dataset) -> dict[str, Any]:
    return {name: make().fit(small_data) for name, make in MODELS.items()}


@pytest.fixture(scope="module")
def seen(small_data: pn.Dataset) -> dict[Any, set[Any]]:
    pairs = small_data.to_csr("binary")
    return {
        subject: set(small_data.item_ids[pairs[row].indices])
        for row, subject in enumerate(small_data.subject_ids)
    }


# as an estimator ----------------------------------------------------------------------------------


@each
def test_fit_returns_self_and_prints_nothing(
    name: str, small_data: pn.Dataset, capfd: pytest.CaptureFixture[str]
) -> None:
    model = MODELS[name]()
    assert model.fit(small_data) is model
    assert capfd.readouterr() == ("", "")


@each
def test_parameters_go_round(name: str, small_data: pn.Dataset) -> None:
    model = MODELS[name]()
    parameters = model.get_params()
    assert repr(type(model)(**parameters).get_params()) == repr(parameters)
    assert model.set_params(**parameters) is model
    for made in (clone(model), clone(model.fit(small_data))):
        assert type(made) is type(model)
        assert repr(made.get_params()) == repr(parameters)  # models in a list are cloned, too
        with pytest.raises(errors.NotFittedError):
            made.recommend(["a"])
    with pytest.raises(errors.InvalidArgumentError, match="no parameter 'nonsense'"):
        model.set_params(nonsense=1)
    names = {name: getattr(pn, name) for name in dir(pn) if name[0].isupper()}
    assert repr(eval(repr(model), names)) == repr(model)


@each
def test_unfitted_use_says_so(name: str) -> None:
    model = MODELS[name]()
    for use in (
        lambda: model.recommend(["a"]),
        lambda: model.recommend(["a"], context={"basket": ["b"]}),
        lambda: model.similar_items(["b"]),
        lambda: model.fold_in(pn.Dataset.from_interactions(["a"], ["b"])),
        lambda: model.core_model,
        lambda: model.item_ids_,
    ):
        with pytest.raises(errors.NotFittedError, match="fit"):
            use()
    with pytest.raises(errors.InvalidArgumentError, match="Dataset"):
        model.fit(pd.DataFrame({"subject": ["a"], "item": ["b"]}))


@each
def test_an_unfitted_model_can_be_pickled(name: str) -> None:
    again = pickle.loads(pickle.dumps(MODELS[name]()))
    assert repr(again.get_params()) == repr(MODELS[name]().get_params())
    with pytest.raises(errors.NotFittedError):
        again.recommend(["a"])


# what recommend gives -----------------------------------------------------------------------------


@each
@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_a_frame_of_the_kind_that_came(
    name: str,
    kind: str,
    small_events: pd.DataFrame,
    small_catalog: pd.DataFrame,
    small_people: pd.DataFrame,
) -> None:
    model = MODELS[name]().fit(dataset(as_kind(small_events, kind), small_catalog, small_people))
    known = model.subject_ids_.tolist()[:3]
    for frame in (
        model.recommend(known, k=4),
        model.recommend(known, k=4, candidates=[]),
        model.recommend(known, k=4, context={"basket": model.item_ids_.tolist()[:1]}),
    ):
        assert type(frame).__module__.split(".")[0] == kind
        names = frame.column_names if kind == "pyarrow" else list(frame.columns)
        assert names == COLUMNS
    if KINDS[name] in SIMILAR:
        similar = model.similar_items(model.item_ids_.tolist()[:2], k=3)
        assert type(similar).__module__.split(".")[0] == kind


@each
@pytest.mark.parametrize("exclude", [True, False])
def test_lists_are_ranked_and_whole(
    name: str, exclude: bool, fitted: dict[str, Any], seen: dict[Any, set[Any]]
) -> None:
    model = fitted[name]
    subjects = model.subject_ids_.tolist()[:25]
    frame = model.recommend(subjects, k=6, exclude_seen=exclude)
    assert frame["score"].dtype == np.float32
    assert np.isfinite(frame["score"]).all()
    assert frame["subject"].drop_duplicates().tolist() == subjects
    for subject, part in frame.groupby("subject", sort=False):
        left = len(model.item_ids_) - (len(seen[subject]) if exclude else 0)
        assert len(part) == min(6, left)
        assert part["rank"].tolist() == list(range(1, len(part) + 1))
        assert part["score"].is_monotonic_decreasing
        assert part["item"].is_unique
        assert not exclude or not set(part["item"]) & seen[subject]
        assert set(part["source"]) == {KINDS[name]}
    if not exclude:
        bought = [item in seen[s] for s, item in zip(frame["subject"], frame["item"], strict=True)]
        assert any(bought)


@each
def test_equal_scores_are_in_the_order_of_ids(name: str, fitted: dict[str, Any]) -> None:
    model = fitted[name]
    frame = model.recommend(model.subject_ids_.tolist()[:10], k=1000, exclude_seen=False)
    for _, part in frame.groupby("subject"):
        pairs = list(zip(-part["score"], part["item"], strict=True))
        assert pairs == sorted(pairs)


@each
def test_more_than_the_catalogue_gives_all_of_it(
    name: str, fitted: dict[str, Any], seen: dict[Any, set[Any]]
) -> None:
    model = fitted[name]
    subject = model.subject_ids_[4]
    everything = set(model.item_ids_)
    for k in (len(everything), 10**9):
        frame = model.recommend(subject, k=k, exclude_seen=False)
        assert set(frame["item"]) == everything
        assert len(frame) == len(everything)
        frame = model.recommend(subject, k=k)
        assert set(frame["item"]) == everything - seen[subject]
    short = model.recommend(subject, k=3, exclude_seen=False)
    long = model.recommend(subject, k=9, exclude_seen=False)
    pd.testing.assert_frame_equal(short, long.head(3))


@each
def test_only_candidates(name: str, fitted: dict[str, Any], seen: dict[Any, set[Any]]) -> None:
    model = fitted[name]
    subject = model.subject_ids_[4]
    wanted = model.item_ids_.tolist()[5:30]
    free = model.recommend(subject, k=1000, exclude_seen=False)
    for given in (wanted, np.array(wanted), pd.Series(wanted), [*wanted, "no such item"]):
        frame = model.recommend(subject, k=1000, exclude_seen=False, candidates=given)
        expected = free[free["item"].isin(wanted)]
        assert frame["item"].tolist() == expected["item"].tolist()
        assert frame["score"].tolist() == expected["score"].tolist()
    frame = model.recommend(subject, k=1000, candidates=wanted)
    assert set(frame["item"]) == set(wanted) - seen[subject]
    assert len(model.recommend(subject, candidates=[])) == 0


@each
def test_unknown_subjects_get_what_is_popular_and_are_told(
    name: str, fitted: dict[str, Any], small_data: pn.Dataset
) -> None:
    model = fitted[name]
    known = model.subject_ids_[0]
    frame = model.recommend([known, NOBODY, known], k=5)
    assert frame["subject"].tolist() == [known] * 5 + [NOBODY] * 5 + [known] * 5
    if KINDS[name] == "random":
        assert set(frame["source"]) == {"random"}
        return
    unknown = frame[frame["subject"] == NOBODY]
    assert set(unknown["source"]) == {"popular"}
    assert set(frame[frame["subject"] == known]["source"]) == {KINDS[name]}
    if KINDS[name] != "popular":
        popular = pn.Popular(half_life="28d").fit(small_data).recommend(NOBODY, k=5)
        assert unknown["item"].tolist() == popular["item"].tolist()


@each
def test_integer_ids_go_in_and_come_out(
    name: str,
    small_events: pd.DataFrame,
    small_catalog: pd.DataFrame,
    small_people: pd.DataFrame,
    fitted: dict[str, Any],
) -> None:
    frames = (small_events, small_catalog, small_people)
    data = dataset(*(with_integer_ids(frame) for frame in frames))
    model = MODELS[name]().fit(data)
    subjects = model.subject_ids_[:6]
    frame = model.recommend(subjects, k=5)
    assert frame["subject"].dtype == np.int64
    assert frame["item"].dtype == np.int64
    texts = fitted[name].recommend(fitted[name].subject_ids_[:6], k=5)
    for form in (subjects.tolist(), pd.Series(subjects), [str(s) for s in subjects]):
        assert model.recommend(form, k=5)["item"].tolist() == frame["item"].tolist()
    mixed = model.recommend([int(subjects[0]), NOBODY], k=2)
    assert mixed["subject"].astype(str).tolist() == [str(subjects[0])] * 2 + [NOBODY] * 2
    if KINDS[name] == "blend":
        return  # which pairs it holds out to learn from is drawn by the ids
    # Ids of equal width sort alike as numbers and as texts, so everything else is equal too.
    assert (frame["item"] // 7).tolist() == [int(i.rsplit("-")[1]) for i in texts["item"]]
    assert frame["score"].tolist() == texts["score"].tolist()


@each
def test_lists_of_a_subject_do_not_depend_on_the_company(name: str, fitted: dict[str, Any]) -> None:
    model = fitted[name]
    subjects = model.subject_ids_.tolist()[:20]
    together = model.recommend([*subjects, NOBODY], k=5)
    alone = pd.concat([model.recommend(s, k=5) for s in [*subjects, NOBODY]], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone)
    assert len(model.recommend([], k=5)) == 0


@each
@pytest.mark.parametrize("k", [0, -1, 2.5, "3", True, None])
def test_a_k_that_makes_no_sense(name: str, k: Any, fitted: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=r"\bk\b"):
        fitted[name].recommend(["a"], k=k)
    with pytest.raises(errors.InvalidArgumentError, match=r"\bk\b"):
        fitted[name].similar_items(fitted[name].item_ids_[:1], k=k)


# the same again -----------------------------------------------------------------------------------


@each
def test_a_pickle_answers_the_same(name: str, fitted: dict[str, Any]) -> None:
    model = fitted[name]
    again = pickle.loads(pickle.dumps(model))
    assert repr(again.get_params()) == repr(model.get_params())
    assert pickle.dumps(again) == pickle.dumps(model)
    subjects = [*model.subject_ids_.tolist()[:20], NOBODY]
    for options in ({}, {"exclude_seen": False}, {"context": {"basket": model.item_ids_[:2]}}):
        pd.testing.assert_frame_equal(
            again.recommend(subjects, **options), model.recommend(subjects, **options)
        )


@each
def test_the_same_bits_at_any_number_of_threads(name: str, small_data: pn.Dataset) -> None:
    subjects = [*small_data.subject_ids.tolist(), NOBODY]
    frames = []
    for threads in (1, 2, 8):
        parameters = {"threads": threads} if KINDS[name] in THREADED else {}
        model = MODELS[name](**parameters).fit(small_data)
        frames.append(model.recommend(subjects, k=20, threads=threads))
    for other in frames[1:]:
        pd.testing.assert_frame_equal(frames[0], other, check_exact=True)


@each
def test_the_order_of_rows_does_not_matter(
    name: str,
    small_events: pd.DataFrame,
    small_catalog: pd.DataFrame,
    small_people: pd.DataFrame,
    fitted: dict[str, Any],
) -> None:
    subjects = [*fitted[name].subject_ids_.tolist(), NOBODY]
    shuffled = small_events.sample(frac=1, random_state=1)
    catalog = small_catalog.sample(frac=1, random_state=2)
    people = small_people.sample(frac=1, random_state=3)
    model = MODELS[name]().fit(dataset(shuffled, catalog, people))
    pd.testing.assert_frame_equal(
        model.recommend(subjects, k=20), fitted[name].recommend(subjects, k=20), check_exact=True
    )


@each
def test_fitting_again_forgets_the_first_time(
    name: str, small_data: pn.Dataset, fitted: dict[str, Any]
) -> None:
    model = MODELS[name]().fit(little(["x", "y"], ["p", "q"]))
    model.fit(small_data)
    subjects = model.subject_ids_.tolist()[:10]
    pd.testing.assert_frame_equal(
        model.recommend(subjects), fitted[name].recommend(subjects), check_exact=True
    )


# the smallest data --------------------------------------------------------------------------------


@each
def test_nothing_at_all(name: str) -> None:
    model = MODELS[name]().fit(little([], []))
    assert len(model.recommend(["a"], k=3)) == 0
    assert len(model.recommend([], k=3)) == 0
    assert len(pickle.loads(pickle.dumps(model)).recommend(["a"])) == 0
    with pytest.raises(errors.NotFoundError):
        model.similar_items(["b"])


@each
@pytest.mark.parametrize("times", [None, ["2025-01-01T00:00:00"]])
def test_one_event(name: str, times: list[str] | None) -> None:
    model = MODELS[name]().fit(little(["a"], ["x"], times))
    assert len(model.recommend("a")) == 0
    assert rows_of(model.recommend("a", exclude_seen=False))[0]["item"] == "x"
    assert rows_of(model.recommend(NOBODY))[0]["item"] == "x"


@each
def test_one_subject(name: str) -> None:
    items = [f"i{n}" for n in range(8)]
    model = MODELS[name]().fit(little(["a"] * 8, items))
    assert len(model.recommend("a")) == 0
    frame = rows_of(model.recommend(["a", NOBODY], exclude_seen=False))
    assert {row["item"] for row in frame} == set(items)
    assert len(frame) == 16
    assert all(np.isfinite(row["score"]) for row in frame)


@each
def test_one_item(name: str) -> None:
    model = MODELS[name]().fit(little(list("abcdef"), ["x"] * 6))
    assert len(model.recommend(list("abcdef"))) == 0
    assert len(model.recommend(list("abcdef"), exclude_seen=False)) == 6
    if KINDS[name] in SIMILAR:
        assert len(model.similar_items("x")) == 0


# similar items ------------------------------------------------------------------------------------


@each
def test_similar_items(name: str, fitted: dict[str, Any]) -> None:
    model = fitted[name]
    items = model.item_ids_.tolist()
    with pytest.raises(errors.NotFoundError, match="no such item"):
        model.similar_items("no such item")
    if KINDS[name] not in SIMILAR:
        with pytest.raises(errors.InvalidArgumentError, match=f"{type(model).__name__}.*similar"):
            model.similar_items(items[:1])
        return
    with pytest.raises(errors.NotFoundError, match="no such item"):
        model.similar_items([items[0], "no such item"])
    frame = model.similar_items(items, k=5)
    assert frame.columns.tolist() == ["item", "similar", "score", "rank"]
    assert len(frame) > 3 * len(items)
    for item, part in frame.groupby("item"):
        assert item not in set(part["similar"])
        assert part["rank"].tolist() == list(range(1, len(part) + 1))
        assert part["score"].is_monotonic_decreasing
        assert (part["score"] > 0).all()
    pd.testing.assert_frame_equal(
        model.similar_items(items[3], k=2),
        frame[(frame["item"] == items[3]) & (frame["rank"] <= 2)].reset_index(drop=True),
    )


# people and baskets that training has not seen ----------------------------------------------------


@each
def test_a_newcomer_with_somebodys_history_is_answered_like_them(
    name: str,
    small_events: pd.DataFrame,
    small_people: pd.DataFrame,
    fitted: dict[str, Any],
) -> None:
    model = fitted[name]
    # The one with the last event, so that recency counts from the same moment in both logs.
    twin = small_events.sort_values("time")["subject"].iloc[-1]
    history = small_events[small_events["subject"] == twin].assign(subject="newcomer")
    themselves = small_people[small_people["subject"] == twin].assign(subject="newcomer")
    before = model.recommend(["newcomer", twin], k=5)
    view = model.fold_in(history, type="event", value="quantity", subjects=themselves)
    assert type(view) is type(model)
    assert view.subject_ids_.tolist() == ["newcomer"]
    theirs = view.recommend("newcomer", k=5)
    assert set(theirs["source"]) == {KINDS[name]}
    if KINDS[name] != "random":  # drawn by person
        own = model.recommend(twin, k=5)
        np.testing.assert_allclose(theirs["score"], own["score"], rtol=0.05, atol=0.02)
        if name != "als-cg":  # a few steps of a gradient are not yet the exact solution
            assert theirs["item"].tolist() == own["item"].tolist()
    pd.testing.assert_frame_equal(model.recommend(["newcomer", twin], k=5), before)
    as_dataset = view.fold_in(dataset(history, None, themselves)).recommend("newcomer", k=5)
    pd.testing.assert_frame_equal(as_dataset, theirs)


@each
def test_folding_in_ignores_items_of_elsewhere(name: str, fitted: dict[str, Any]) -> None:
    model = fitted[name]
    item = model.item_ids_[3]
    events = pn.Dataset.from_interactions(["a", "a", "b"], [item, "elsewhere", "elsewhere"])
    view = model.fold_in(events)
    frame = pd.DataFrame(rows_of(view.recommend(["a", "b", "c"], k=100)))
    assert item not in set(frame[frame["subject"] == "a"]["item"])
    if KINDS[name] not in IMPERSONAL:
        assert set(frame[frame["subject"] == "a"]["source"]) == {KINDS[name]}
        assert set(frame[frame["subject"] != "a"]["source"]) == {"popular"}
    with pytest.raises(errors.InvalidArgumentError, match="fold_in"):
        pickle.dumps(view)


@each
def test_a_basket_speaks_beside_the_history(
    name: str, fitted: dict[str, Any], seen: dict[Any, set[Any]]
) -> None:
    model = fitted[name]
    subject = max(seen, key=lambda s: (len(seen[s]) < 20, len(seen[s])))
    unseen = [i for i in model.item_ids_.tolist() if i not in seen[subject]]
    for basket in (unseen[:2], sorted(seen[subject])[:2]):
        for exclude in (True, False):
            options = {"k": 1000, "exclude_seen": exclude}
            context = {"basket": [*basket, "no such item"], "attributes": SAID}
            frame = model.recommend([subject, NOBODY], context=context, **options)
            for who in (subject, NOBODY):
                had = seen.get(who, set()) if exclude else set()
                part = frame[frame["subject"] == who]
                assert set(part["item"]) == set(model.item_ids_) - had - set(basket)
            # Somebody nobody knows is answered by the basket, or by what the request says.
            if KINDS[name] != "random":
                assert set(frame["source"]) == {KINDS[name]}
    for nothing in ({}, {"basket": []}, {"basket": ["no such item"]}, {"basket": None}):
        pd.testing.assert_frame_equal(
            model.recommend(subject, context=nothing), model.recommend(subject)
        )
    if KINDS[name] in IMPERSONAL:
        plain = model.recommend(subject, candidates=unseen[2:], k=5)
        pd.testing.assert_frame_equal(
            model.recommend(subject, context={"basket": unseen[:2]}, k=5), plain
        )


@each
def test_a_basket_is_answered_as_the_funnel_answers_it(
    name: str, small_data: pn.Dataset, fitted: dict[str, Any]
) -> None:
    funnel = pn.Pipeline([MODELS[name]()], weights={"repeats": {}}).fit(small_data)
    basket = fitted[name].item_ids_.tolist()[2:5]
    for subject in (small_data.subject_ids[7], NOBODY):
        for options in ({"context": {"basket": basket}}, {}):
            mine = fitted[name].recommend(subject, k=8, exclude_seen=False, **options)
            mine = mine[mine["score"] > 0]
            theirs = funnel.recommend(subject, k=8, exclude_seen=False, **options)
            if mine.empty or mine["source"].iloc[0] != KINDS[name]:
                continue  # nothing to go on: the funnel falls back by itself
            shown = theirs.head(len(mine))
            assert shown["item"].tolist() == mine["item"].tolist()
            # In the funnel a source's score counts as the root of its share of the best one.
            roots = np.sqrt(mine["score"])
            np.testing.assert_allclose(
                shown["score"] / shown["score"].iloc[0], roots / roots.iloc[0], rtol=1e-5
            )


@each
def test_fresh_events_speak_as_a_history_does(
    name: str, small_events: pd.DataFrame, small_people: pd.DataFrame, fitted: dict[str, Any]
) -> None:
    """Folded in at once or beforehand, the same events give the same bits."""
    model = fitted[name]
    twin = small_events.sort_values("time")["subject"].iloc[-1]
    history = small_events[small_events["subject"] == twin].drop_duplicates("item").head(10)
    told = small_people[small_people["subject"] == twin].iloc[0].drop("subject").to_dict()
    events = [
        {"item": item, "time": str(time), "value": 2.0}
        for item, time in zip(history["item"], history["time"], strict=True)
    ]
    context = {"events": events, "attributes": told}
    now = model.recommend(NOBODY, k=50, context=context)
    folded = model.fold_in(
        history.assign(subject=NOBODY, two=2.0),
        value="two",
        subjects=pd.DataFrame([{"subject": NOBODY, **told}]),
    )
    if KINDS[name] != "random":
        assert set(now["source"]) == {KINDS[name]}
        pd.testing.assert_frame_equal(folded.recommend(NOBODY, k=50), now, check_exact=True)
    seen = set(history["item"])
    assert not seen & set(now["item"])
    free = model.recommend(NOBODY, k=1000, exclude_seen=False, context=context)
    assert seen <= set(free["item"])
    page = model.recommend(NOBODY, k=1000, context={"page": events[0]["item"]})
    assert events[0]["item"] not in set(page["item"])
    for form in (model.item_ids_[3], {"item": model.item_ids_[3]}):
        pd.testing.assert_frame_equal(
            model.recommend(NOBODY, context={"page": form}),
            model.recommend(NOBODY, context={"basket": [model.item_ids_[3]]}),
        )


@each
def test_a_context_that_makes_no_sense(name: str, fitted: dict[str, Any]) -> None:
    for context, told in (
        ({"busket": []}, "busket"),
        ({"basket": "sku-1"}, "basket"),
        ({"events": "sku-1"}, "events"),
        ({"events": ["sku-1"]}, "events"),
        ({"events": [{"sku": 1}]}, "events"),
        ({"events": [{"item": "a", "value": 0}]}, "value"),
        ({"events": [{"item": "a", "value": float("nan")}]}, "value"),
        ({"page": 5}, "page"),
        ({"page": {"sku": 5}}, "page"),
        ({"attributes": []}, "attributes"),
        ({"attributes": {"age": {}}}, "age"),
        ({"attributes": {"age": float("inf")}}, "age"),
    ):
        with pytest.raises(errors.InvalidArgumentError, match=told):
            fitted[name].recommend(["a"], context=context)


# interrupted --------------------------------------------------------------------------------------


def interrupt(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    if KINDS[name] in REPORTS_PROGRESS:
        monkeypatch.setattr(_progress.Progress, "__call__", stop)
    else:
        monkeypatch.setattr(_progress.Progress, "__enter__", stop)


@each
def test_ctrl_c_leaves_an_unfitted_model_unfitted(
    name: str, small_data: pn.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = MODELS[name]()
    with monkeypatch.context() as patch:
        interrupt(patch, name)
        with pytest.raises(KeyboardInterrupt):
            model.fit(small_data)
    with pytest.raises(errors.NotFittedError):
        model.recommend("a")
    assert len(model.fit(small_data).recommend(NOBODY)) == 10


@each
def test_ctrl_c_leaves_a_fitted_model_as_it_was(
    name: str, small_data: pn.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = MODELS[name]().fit(small_data)
    before = pickle.dumps(model)
    with monkeypatch.context() as patch:
        interrupt(patch, name)
        with pytest.raises(KeyboardInterrupt):
            model.fit(little(["x", "y"], ["p", "q"]))
    assert pickle.dumps(model) == before


# evaluation ---------------------------------------------------------------------------------------


@each
def test_evaluation_ranks_as_recommend_does(name: str, fitted: dict[str, Any]) -> None:
    model = fitted[name]
    subjects = model.subject_ids_.tolist()[:10]
    scorer = model._scorer(subjects, exclude_seen=False)
    lists = model.recommend(subjects, k=1000, exclude_seen=False)
    for row, subject in enumerate(subjects):
        scores = scorer.scores(row)
        order = np.lexsort((np.arange(len(scores)), -scores))
        part = lists[lists["subject"] == subject]
        assert part["item"].tolist() == model.item_ids_[order].tolist()
        assert part["score"].tolist() == scores[order].tolist()
