"""People without a history: attributes, segments, fresh events, and which of them answered."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import penchant as pn
from funnels import NOBODY, answer
from penchant import errors
from penchant.evaluation.compare import compare_reports

METRICS = ["ndcg@20"]


@pytest.fixture(scope="module")
def world() -> Any:
    return pn.simulate.retail(subjects=1200, items=200, days=90, seed=4)


@pytest.fixture(scope="module")
def people(world: Any) -> pd.DataFrame:
    return world.subjects.drop(columns="joined")


@pytest.fixture(scope="module")
def parts(world: Any, people: pd.DataFrame) -> tuple[pn.Dataset, pn.Dataset]:
    bought = world.events[world.events["event"] != "return"]
    data = pn.Dataset.from_events(bought, type="event", value="quantity", subjects=people)
    return pn.splits.by_user(data, test=0.3, seed=1)


@pytest.fixture(scope="module")
def funnel(parts: tuple[pn.Dataset, pn.Dataset]) -> pn.Pipeline:
    return pn.Pipeline().fit(parts[0])


# what is known of people --------------------------------------------------------------------------

LOG = pd.DataFrame({"who": ["b", "a", "a", "c"], "item": ["x", "x", "y", "y"]})
PEOPLE = pd.DataFrame(
    {
        "who": ["c", "a", "z", "a"],
        "city": ["Rome", "Oslo", "Bonn", "Lima"],
        "age": [50.0, np.nan, 20.0, 30.0],
        "member": [True, False, True, True],
        "since": pd.to_datetime(["2020-01-01"] * 4),
        "tags": [["red", "blue"], [], None, ["red"]],
        "vector": [[1.0, 2.0]] * 4,
    }
)


def read(frame: Any = PEOPLE, log: pd.DataFrame = LOG) -> pn.Dataset:
    return pn.Dataset.from_events(log, subject="who", time=None, subjects=frame)


def cities(data: pn.Dataset) -> list[str | None]:
    return [city if isinstance(city, str) else None for city in data.subject_attributes["city"]]


def told(data: pn.Dataset) -> str:
    """All that is known, in words: not a number and nothing are the same here."""
    return str(data._people.to_pylist()).replace("nan", "None")


def test_attributes_come_back_in_the_order_of_the_subjects() -> None:
    data = read()
    found = data.subject_attributes
    assert found["subject"].tolist() == data.subject_ids.tolist() == ["a", "b", "c"]
    # Of several rows the first; nothing of those the frame lacks; times and vectors are left out.
    assert cities(data) == ["Oslo", None, "Rome"]
    assert list(found.columns) == ["subject", "city", "age", "member", "tags"]
    assert read(None).subject_attributes is None
    assert read(PEOPLE[["who"]]).subject_attributes is None


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_frames_of_any_kind(kind: str) -> None:
    plain = PEOPLE.drop(columns="vector")
    frame = pl.from_pandas(plain) if kind == "polars" else pa.Table.from_pandas(plain)
    assert told(read(frame)) == told(read(plain))
    log = pl.from_pandas(LOG) if kind == "polars" else pa.Table.from_pandas(LOG)
    out = read(frame, log).subject_attributes
    assert type(out).__module__.split(".")[0] == kind


def test_the_id_is_found_by_its_name_or_stands_first() -> None:
    for name in ("who", "subject", "customer"):
        frame = PEOPLE.rename(columns={"who": name})
        assert cities(read(frame)) == ["Oslo", None, "Rome"]
    integers = pn.Dataset.from_events(
        LOG.assign(who=[2, 1, 1, 3]),
        subject="who",
        time=None,
        subjects=PEOPLE.assign(who=["3", "1", "9", "1"]),
    )
    assert cities(integers) == ["Oslo", None, "Rome"]


def test_splits_pickles_and_hashes_keep_them() -> None:
    data = read()
    again = pickle.loads(pickle.dumps(data))
    assert again == data
    assert told(again) == told(data)
    part = data.filter(subjects=["c", "b"])
    assert cities(part) == [None, "Rome"]
    assert len({data.hash, read(None).hash, read(PEOPLE.assign(city="Bern")).hash}) == 3
    assert read(PEOPLE[PEOPLE["who"] != "z"]).hash == data.hash


def test_frames_that_make_no_sense() -> None:
    with pytest.raises(errors.InvalidArgumentError, match="mixes types"):
        read(PEOPLE.assign(city=[1, "a", None, 2.5]))
    with pytest.raises(errors.InvalidArgumentError, match="no columns"):
        read(pd.DataFrame())
    with pytest.raises(errors.InvalidArgumentError, match="frame"):
        read([1, 2])


# models -------------------------------------------------------------------------------------------


def test_attributes_beat_popularity_and_ten_events_beat_attributes(
    parts: tuple[pn.Dataset, pn.Dataset], funnel: pn.Pipeline
) -> None:
    train, test = parts
    popular = pn.Popular(window="28d").fit(train)
    hybrid = pn.Hybrid(factors=32, alpha=10.0, regularization=50.0).fit(train)
    segment = pn.Popular(window="28d", by=["region"]).fit(train)
    for model in (hybrid, segment, funnel):
        gain = pn.compare(model, popular, test, METRICS, subjects="new")["ndcg@20"]
        assert gain.low > 0, (model, gain)
    # The first ten items of each newcomer are told, the rest is right.
    frame = test.to_frame().sort_values("time", kind="stable")
    firsts = frame.drop_duplicates(["subject", "item"])
    place = firsts.groupby("subject").cumcount()
    many = firsts["subject"].isin(firsts["subject"][place >= 14])
    early = firsts[many & (place < 10)].drop(columns=["type", "value"])
    later = firsts[many & (place >= 10)].drop(columns=["type", "value"])
    attributes = test.subject_attributes
    asked = pn.Dataset.from_events(later, subjects=attributes)
    known = pn.Dataset.from_events(early, subjects=attributes)
    options = {"progress": False}
    with_events = pn.evaluate(hybrid.fold_in(known), asked, METRICS, **options)
    without = pn.evaluate(hybrid, asked, METRICS, subjects="new", **options)
    assert with_events["ndcg@20"].low > 0
    gain = compare_reports(with_events, without)["ndcg@20"]
    assert gain.low > 0, gain


def test_hybrid_knows_items_or_people_or_both(
    small_events: pd.DataFrame, small_catalog: pd.DataFrame, small_people: pd.DataFrame
) -> None:
    def fitted(**known: Any) -> pn.Hybrid:
        data = pn.Dataset.from_events(small_events, type="event", value="quantity", **known)
        return pn.Hybrid(factors=6, iterations=4).fit(data)

    said = {"attributes": {"region": "coast"}}
    sources = {
        name: fitted(**known).recommend(NOBODY, context=said)["source"][0]
        for name, known in {
            "items": {"catalog": small_catalog},
            "people": {"subjects": small_people},
            "both": {"catalog": small_catalog, "subjects": small_people},
        }.items()
    }
    assert sources == {"items": "popular", "people": "hybrid", "both": "hybrid"}
    with pytest.raises(errors.InvalidArgumentError, match="nothing is known of the items"):
        fitted()


def test_which_attributes_and_as_what(small_known_data: pn.Dataset) -> None:
    def lists(**parameters: Any) -> list[Any]:
        model = pn.Hybrid(factors=6, iterations=4, **parameters).fit(small_known_data)
        frame = model.recommend(NOBODY, context={"attributes": {"age": 20, "tier": "gold"}})
        return [frame["source"][0], *frame["item"]]

    everything = lists()
    assert everything[0] == "hybrid"
    assert lists(subject_categories=["tier", "region"], subject_numbers=["age"]) == everything
    assert lists(subject_categories=["region"], subject_numbers=[])[0] == "popular"
    assert lists(subject_categories=["tier", "age"], subject_numbers=[]) != everything
    for name, value in (
        ("subject_numbers", ["none"]),
        ("subject_numbers", ["tier"]),
        ("subject_text", ["age"]),
        ("subject_categories", "tier"),
    ):
        with pytest.raises(errors.InvalidArgumentError, match="Hybrid"):
            lists(**{name: value})


def test_popular_by_what_is_not_there(
    small_known_data: pn.Dataset, small_events: pd.DataFrame
) -> None:
    plain = pn.Dataset.from_events(small_events, type="event")
    for data, parameters in (
        (plain, {"by": ["region"]}),
        (small_known_data, {"by": ["colour"]}),
        (small_known_data, {"by": []}),
        (small_known_data, {"by": "region"}),
        (small_known_data, {"by": ["region"], "strength": 0}),
        (small_known_data, {"by": ["age"], "bins": 0}),
    ):
        with pytest.raises(errors.InvalidArgumentError, match="Popular"):
            pn.Popular(**parameters).fit(data)


def test_a_stored_person_is_answered_by_their_own_attributes(small_known_data: pn.Dataset) -> None:
    model = pn.Popular(by=["region"]).fit(small_known_data)
    first = small_known_data.subject_attributes.iloc[0]
    own = model.recommend(first["subject"], k=70, exclude_seen=False)
    told = model.recommend(
        NOBODY, k=70, exclude_seen=False, context={"attributes": {"region": first["region"]}}
    )
    assert own["score"].tolist() == told["score"].tolist()
    elsewhere = next(
        r for r in small_known_data.subject_attributes["region"] if r != first["region"]
    )
    moved = model.recommend(
        first["subject"], k=70, exclude_seen=False, context={"attributes": {"region": elsewhere}}
    )
    assert moved["score"].tolist() != own["score"].tolist()


# the funnel ---------------------------------------------------------------------------------------


def test_the_default_funnel_climbs_the_ladder(
    parts: tuple[pn.Dataset, pn.Dataset], funnel: pn.Pipeline
) -> None:
    train, _ = parts
    assert set(funnel.weights_) == {"repeats", "new", "cold"}
    said = {"region": "coast", "age": 30, "tier": "basic"}
    basket = {"basket": [train.item_ids[3]]}
    levels = [
        funnel.recommend(subject, context=context)["level"].unique().tolist()
        for subject, context in (
            (train.subject_ids[3], {"attributes": said}),
            (NOBODY, {"attributes": said, **basket}),
            (NOBODY, {"attributes": said}),
            (NOBODY, {}),
        )
    ]
    assert levels == [["history"], ["context"], ["attributes"], ["popularity"]]
    body = answer(funnel, subject=NOBODY, context={"attributes": said})
    assert body["fallback"] is None
    codes = {item["reason"]["code"] for item in body["items"]}
    assert codes & {"similar_people", "popular_in_segment"}
    segment = pn.Pipeline([pn.Popular(by=["region"]), pn.Popular()]).fit(train)
    body = answer(segment, subject=NOBODY, context={"attributes": said})
    assert body["level"] == "segment"
    assert body["items"][0]["reason"]["text"] == "Popular with customers like you"


def test_lists_of_people_with_a_history_are_those_without_attributes(
    parts: tuple[pn.Dataset, pn.Dataset], world: Any, funnel: pn.Pipeline
) -> None:
    train, _ = parts
    bought = world.events[world.events["event"] != "return"]
    bare = pn.Dataset.from_events(bought, type="event", value="quantity")
    plain = pn.Pipeline().fit(bare.filter(subjects=train.subject_ids))
    assert "cold" not in plain.weights_
    for regime in ("repeats", "new"):
        assert plain.weights_[regime].items() <= funnel.weights_[regime].items()
    for exclude in (False, True):
        asked = {"exclude_seen": exclude, "context": {"basket": [train.item_ids[5]]}}
        for subject in train.subject_ids[::40].tolist():
            a, b = (answer(f, subject=subject, **asked) for f in (plain, funnel))
            assert a["items"] == b["items"]


def test_what_a_newcomer_does_adds_to_what_is_known_of_them(
    parts: tuple[pn.Dataset, pn.Dataset], funnel: pn.Pipeline
) -> None:
    """One event must not make a list worse than attributes alone did."""
    _, test = parts
    frame = test.to_frame().sort_values("time", kind="stable")
    firsts = frame.drop_duplicates(["subject", "item"])
    known = test.subject_attributes.set_index("subject")
    gains: dict[tuple[bool, int], list[float]] = {}
    for subject, items in firsts.groupby("subject")["item"]:
        if len(items) < 8:
            continue
        first, right = items.iloc[0], set(items.iloc[2:])
        for told in (False, True):
            for events in (0, 1):
                context: dict[str, Any] = {"events": [{"item": first}][:events]}
                if told:
                    context["attributes"] = known.loc[subject].to_dict()
                body = answer(funnel, subject=subject, k=20, context=context, deny=[first])
                hits = [item["item"] in right for item in body["items"]]
                gains.setdefault((told, events), []).append(sum(hits))
    assert len(gains[True, 1]) > 100
    mean = {key: np.mean(values) for key, values in gains.items()}
    assert mean[True, 1] > mean[True, 0] > mean[False, 0]
    assert min(mean[True, 1], mean[False, 1]) > mean[False, 0]


def test_cold_weights_are_learned_or_given(parts: tuple[pn.Dataset, pn.Dataset]) -> None:
    train, _ = parts
    sources = [pn.ItemKNN(), pn.Popular(by=["region"]), pn.Popular()]
    learned = pn.Pipeline(sources).fit(train)
    assert learned.validation_["cold"]["subjects"] > 50
    assert learned.weights_["cold"]["item_knn"] == 0
    assert max(learned.weights_["cold"].values()) == 1
    given = pn.Pipeline(sources, weights={"cold": {"popular": 0.5}}).fit(train)
    assert given.weights_["cold"] == {"item_knn": 0.0, "popular": 0.5, "popular_2": 0.25}
    with pytest.raises(errors.InvalidArgumentError, match="cold"):
        pn.Pipeline(sources, weights={"cold": {"popular": 0, "popular_2": 0}}).fit(train)
    assert "cold" not in pn.Pipeline([pn.ItemKNN(), pn.Popular()]).fit(train).weights_


def test_the_bundle_is_the_same_at_any_number_of_threads(small_known_data: pn.Dataset) -> None:
    bundles = [
        pn.Pipeline(threads=threads).fit(small_known_data).to_bytes() for threads in (1, 2, 8)
    ]
    assert bundles[0] == bundles[1] == bundles[2]


def test_ten_fresh_events_on_the_engine_are_folded_in_as_in_python(
    parts: tuple[pn.Dataset, pn.Dataset],
) -> None:
    train, test = parts
    hybrid = pn.Hybrid(factors=16, alpha=10.0, regularization=10.0)
    funnel = pn.Pipeline([hybrid], weights={"new": {"hybrid": 0.5}}).fit(train)
    fitted = funnel.fitted_sources_["hybrid"]
    counts = test.to_frame().groupby("subject")["item"].nunique()
    subject = counts.index[counts >= 10][0]
    history = test.to_frame().query("subject == @subject").drop_duplicates("item").head(10)
    said = test.subject_attributes.set_index("subject").loc[subject].to_dict()
    events = [
        {"item": item, "time": time.isoformat(), "value": 1}
        for item, time in zip(history["item"], history["time"], strict=True)
    ]
    context = {"events": events, "attributes": said}
    view = fitted.fold_in(
        history[["subject", "item", "time"]],
        subjects=pd.DataFrame([{"subject": subject, **said}]),
    )
    expected = view.recommend(subject, k=50)
    expected = expected[expected["score"] > 0]
    got = funnel.recommend(NOBODY, k=50, exclude_seen=True, context=context).head(len(expected))
    assert got["item"].tolist() == expected["item"].tolist()
    # A feature is the root of a score's share of the best one, over all items.
    best = view.recommend(subject, k=1, exclude_seen=False)["score"].iloc[0]
    # With ten items, the weight for those who did nothing yet counts a third: 5 / (10 + 5).
    share = np.float32(5) / np.float32(15)
    weight = share * np.float32(1) + (np.float32(1) - share) * np.float32(0.5)
    roots = np.sqrt(expected["score"].to_numpy() / np.float32(best)) * weight
    assert got["score"].to_numpy().tolist() == roots.astype(np.float32).tolist()


def test_a_loaded_bundle_knows_the_people(small_known_data: pn.Dataset, tmp_path: Any) -> None:
    funnel = pn.Pipeline().fit(small_known_data)
    funnel.save(tmp_path / "shop.penchant")
    loaded = pn.load(tmp_path / "shop.penchant")
    assert loaded.weights_ == funnel.weights_
    again = pickle.loads(pickle.dumps(funnel))
    request = {"context": {"attributes": {"region": "coast", "age": 33}}, "explain": True}
    for other in (loaded, again):
        assert other.recommend_json(request) == funnel.recommend_json(request)
    body = json.loads(funnel.recommend_json(request))
    for item in body["items"]:
        total = sum(share["contribution"] for share in item["shares"])
        assert total == pytest.approx(item["score"], abs=1e-5)
