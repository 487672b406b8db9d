"""The funnel: what it promises about answers, weights, files and bits."""

from __future__ import annotations

import itertools
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone

import penchant as pn
from funnels import NAMES, NOBODY, answer, codes, dataset, shown, sources
from penchant import errors

COLUMNS = [
    "subject", "item", "name", "score", "rank", "source", "reason_code", "reason", "fallback",
    "level",
]  # fmt: skip
DAY = pd.Timedelta(days=1)


@pytest.fixture
def funnel(small_bundle: Any) -> pn.Pipeline:
    return small_bundle.pipeline


@pytest.fixture(scope="module")
def seen(small_data: pn.Dataset) -> dict[Any, set[Any]]:
    pairs = small_data.to_csr("binary")
    return {
        subject: set(small_data.item_ids[pairs[row].indices])
        for row, subject in enumerate(small_data.subject_ids)
    }


# sources ------------------------------------------------------------------------------------------


def test_the_default_funnel(small_data: pn.Dataset) -> None:
    pipeline = pn.Pipeline()
    assert pipeline.fit(small_data) is pipeline
    names = ["als", "item_knn", "item_knn_2", "popular", "popular_2", "repeat_purchase"]
    assert list(pipeline.fitted_sources_) == names
    assert list(pipeline.weights_["new"]) == list(pipeline.weights_["repeats"]) == names
    assert pipeline.sources is None
    stages = ["resolve", "retrieve", "order", "fill", "explain"]
    assert pipeline.engine.stages == stages
    assert len(pipeline.recommend(small_data.subject_ids[0])) == 10


def test_twins_are_numbered_and_given_sources_left_alone(small_data: pn.Dataset) -> None:
    given = [pn.Popular(window="7d"), pn.ItemKNN(), pn.Popular(), pn.Popular(half_life="9d")]
    pipeline = pn.Pipeline(given).fit(small_data)
    assert list(pipeline.weights_["new"]) == ["popular", "item_knn", "popular_2", "popular_3"]
    for source in given:
        with pytest.raises(errors.NotFittedError):
            source.recommend("a")
    fitted = pipeline.fitted_sources_["popular_3"]
    assert fitted.half_life == "9d"
    pd.testing.assert_frame_equal(
        fitted.recommend(NOBODY), pn.Popular(half_life="9d").fit(small_data).recommend(NOBODY)
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: pn.Pipeline([]), "sources is empty"),
        (lambda: pn.Pipeline(["als"]), "str"),
        (lambda: pn.Pipeline(quota=0), "quota"),
        (lambda: pn.Pipeline(quota=1.5), "quota"),
        (lambda: pn.Pipeline([pn.ALS(factors=0)]), "factors"),
        (lambda: pn.Pipeline([pn.Popular()], weights={"olds": {"popular": 1}}), "regimes"),
        (lambda: pn.Pipeline([pn.Popular()], weights={"new": {"als": 1}}), "als"),
        (lambda: pn.Pipeline([pn.Popular()], weights={"new": {"popular": 0}}), "not all 0"),
        (lambda: pn.Pipeline([pn.Popular()], weights={"new": {"popular": -1}}), "negative"),
        (lambda: pn.Pipeline([pn.Popular()], weights={"new": {"popular": np.nan}}), "finite"),
    ],
)
def test_what_makes_no_sense_is_refused_at_fit(
    make: Callable[[], pn.Pipeline], words: str, small_data: pn.Dataset
) -> None:
    pipeline = make()
    with pytest.raises(errors.InvalidArgumentError, match=words):
        pipeline.fit(small_data)
    with pytest.raises(errors.NotFittedError):
        pipeline.recommend("a")


def test_data_that_makes_no_sense_is_refused(small_events: Any) -> None:
    with pytest.raises(errors.InvalidArgumentError, match="Dataset"):
        pn.Pipeline().fit(small_events)
    with pytest.raises(errors.InvalidArgumentError, match="no interactions"):
        pn.Pipeline().fit(pn.Dataset.from_interactions([], []))


def test_it_has_scikit_learn_manners(small_data: pn.Dataset) -> None:
    pipeline = pn.Pipeline(sources(), quota=50, exclude_seen=True, seed=3)
    parameters = pipeline.get_params()
    assert set(parameters) == {
        *("sources", "weights", "features", "ranker", "depth", "policy", "placements"),
        *("identity", "segments", "taxonomy", "exclude_seen", "quota", "seed", "threads"),
    }
    assert pipeline.set_params(quota=60) is pipeline
    assert pipeline.get_params()["quota"] == 60
    fresh = clone(pipeline.fit(small_data))
    assert [repr(s) for s in fresh.sources] == [repr(s) for s in pipeline.sources]
    with pytest.raises(errors.InvalidArgumentError, match="no parameter 'quotas'"):
        pipeline.set_params(quotas=1)
    for use in (
        lambda: fresh.recommend("a"),
        lambda: fresh.recommend_json({}),
        lambda: fresh.save("nowhere.penchant"),
        lambda: fresh.to_bytes(),
        lambda: fresh.version,
    ):
        with pytest.raises(errors.NotFittedError, match="fit"):
            use()


def test_an_interrupted_fit_leaves_it_as_it_was(
    small_data: pn.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = pn.Pipeline([pn.ItemKNN(), pn.Popular()]).fit(small_data)
    before = pipeline.to_bytes()

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    other = pn.Dataset.from_interactions(["a", "b"], ["x", "y"])
    with monkeypatch.context() as patch:
        patch.setattr(pn.Popular, "_train", stop)
        with pytest.raises(KeyboardInterrupt):
            pipeline.fit(other)
        with pytest.raises(KeyboardInterrupt):
            pn.Pipeline().fit(other)
    assert pipeline.to_bytes() == before
    assert set(pipeline.fitted_sources_) == {"item_knn", "popular"}


# weights ------------------------------------------------------------------------------------------


def test_weights_given_are_used_and_the_rest_keep_their_prior(small_data: pn.Dataset) -> None:
    given = {"new": {"als": 2.5, "popular": 0.0}}
    pipeline = pn.Pipeline(sources(), weights=given).fit(small_data)
    assert pipeline.weights_["new"] == {
        "als": 2.5, "item_knn": 0.5, "item_knn_2": 0.5, "repeat_purchase": 0.0, "popular": 0.0,
    }  # fmt: skip
    assert pipeline.weights_["repeats"]["repeat_purchase"] == 1.0
    assert pipeline.validation_ == {"windows": 0}
    frame = pipeline.recommend(small_data.subject_ids[3], explain=True, exclude_seen=True)
    total = sum(frame[f"from_{name}"] for name in NAMES)
    np.testing.assert_allclose(frame["score"], total, rtol=1e-5)
    assert (frame["from_popular"] == 0).all()
    assert frame["from_als"].max() <= 2.5


def test_learned_weights_are_no_worse_than_the_prior(funnel: pn.Pipeline) -> None:
    validation = funnel.validation_
    assert validation["windows"] >= 1
    for regime in ("repeats", "new"):
        assert validation[regime]["subjects"] > 0
        assert validation[regime]["ndcg@20"] >= validation[regime]["ndcg@20_prior"] - 1e-9
        weights = funnel.weights_[regime].values()
        assert all(np.isfinite(w) and w >= 0 for w in weights)
        assert any(weights)
    assert funnel.lineage_["weights"] == funnel.weights_


def test_nothing_after_the_cut_changes_anything(small_events: pd.DataFrame) -> None:
    """A funnel fitted on the train part is the same bytes whatever happened afterwards."""
    cut = small_events["time"].min().normalize() + 50 * DAY
    late = small_events["time"] >= cut
    other = small_events.copy()
    other.loc[late, "item"] = other.loc[late, "item"].sample(frac=1, random_state=0).to_numpy()
    other.loc[late, "time"] += DAY
    other = other[~late | (np.arange(len(other)) % 3 > 0)]
    made = []
    for events in (small_events, other):
        train, _ = pn.splits.temporal(dataset(events), cut=cut.isoformat())
        made.append(pn.Pipeline(sources()).fit(train).to_bytes())
    assert made[0] == made[1]


def test_weights_are_learned_on_what_the_sources_have_not_seen(
    small_data: pn.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every fit but the last ends before a window; the last sees all."""
    ends = []
    fit = pn.ItemKNN.fit

    def spy(self: Any, train: pn.Dataset, **more: Any) -> Any:
        ends.append(train.time_range[1])
        return fit(self, train, **more)

    monkeypatch.setattr(pn.ItemKNN, "fit", spy)
    pipeline = pn.Pipeline([pn.ItemKNN(), pn.Popular()]).fit(small_data)
    last = small_data.time_range[1]
    assert len(ends) == pipeline.validation_["windows"] + 1
    assert ends[-1] == last
    span = last - small_data.time_range[0]
    assert ends[0] <= last - 0.19 * span
    assert all(later > earlier for later, earlier in itertools.pairwise(ends[:-1]))


def test_much_data_against_the_prior_moves_the_weights() -> None:
    """Where everyone buys at random, popularity can't help; where all repeat, repeats do."""
    rng = np.random.default_rng(0)
    days = np.arange(120)
    rows = []
    for subject in range(150):
        own = rng.integers(0, 60, size=3)
        rows += [(subject, int(own[day % 3]), day) for day in days[subject % 5 :: 6]]
    frame = pd.DataFrame(rows, columns=["subject", "item", "day"])
    frame["time"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(frame["day"], unit="D")
    data = pn.Dataset.from_events(frame)
    pipeline = pn.Pipeline([pn.RepeatPurchase(), pn.Popular()]).fit(data)
    assert pipeline.validation_["repeats"]["ndcg@20"] > 0.9
    weights = pipeline.weights_["repeats"]
    assert weights["repeat_purchase"] > weights["popular"]


# answers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_frames_of_the_kind_that_came(kind: str, small_events: pd.DataFrame) -> None:
    events = {
        "pandas": lambda: small_events,
        "polars": lambda: pl.from_pandas(small_events),
        "pyarrow": lambda: pa.Table.from_pandas(small_events),
    }[kind]()
    pipeline = pn.Pipeline([pn.ItemKNN(), pn.Popular()]).fit(dataset(events))
    subject = pipeline.subject_ids_[0]
    for frame in (pipeline.recommend(subject), pipeline.recommend(subject, candidates=[])):
        assert type(frame).__module__.split(".")[0] == kind
        names = frame.column_names if kind == "pyarrow" else list(frame.columns)
        assert names == COLUMNS
    again = pickle.loads(pickle.dumps(pipeline)).recommend(subject)
    assert type(again).__module__.split(".")[0] == kind


def test_a_frame_says_what_the_json_says(funnel: pn.Pipeline, small_bundle: Any) -> None:
    for subject in [*small_bundle.subjects[:10], NOBODY, None]:
        frame = funnel.recommend(subject, k=7, explain=True)
        body = answer(funnel, subject=subject, k=7, explain=True)
        assert frame["item"].tolist() == [item["item"] for item in body["items"]]
        assert frame["score"].tolist() == [np.float32(item["score"]) for item in body["items"]]
        assert frame["rank"].tolist() == list(range(1, 8))
        assert frame["score"].is_monotonic_decreasing
        assert frame["reason"].tolist() == [item["reason"]["text"] for item in body["items"]]
        total = sum(frame[f"from_{name}"] for name in NAMES)
        np.testing.assert_allclose(frame["score"], total, rtol=1e-5, atol=1e-6)
        for item in body["items"]:
            best = max(item["shares"], key=lambda share: share["contribution"])
            assert best["contribution"] == 0 or item["source"] == best["source"]
    several = funnel.recommend(small_bundle.subjects[:3], k=2)
    assert several["subject"].tolist() == [s for s in small_bundle.subjects[:3] for _ in range(2)]


def test_names_of_items_come_along(small_events: pd.DataFrame) -> None:
    events = small_events.assign(title="The " + small_events["item"])
    pipeline = pn.Pipeline([pn.ItemKNN(), pn.RepeatPurchase()]).fit(
        dataset(events, item_name="title")
    )
    frame = pipeline.recommend(pipeline.subject_ids_[2], exclude_seen=True)
    assert frame["name"].tolist() == ["The " + item for item in frame["item"]]
    together = frame[frame["reason_code"] == "bought_together"]
    assert len(together)
    assert together["reason"].str.contains("The sku-").all()


def test_reasons_say_what_is_true(
    small_bundle: Any, seen: dict[Any, set[Any]], small_data: pn.Dataset
) -> None:
    # New items by neighbourhoods or by factors, so that each gets to give its reason.
    funnels = {
        True: pn.Pipeline(sources(), weights={"new": {"item_knn": 3.0}}).fit(small_data),
        False: pn.Pipeline(sources(), weights={"repeats": {"als": 1.0}}).fit(small_data),
    }
    found: dict[str, int] = {}
    counts = small_data.to_csr("count")
    items = small_data.item_ids.tolist()
    for row, subject in enumerate(small_bundle.subjects):
        for exclude in (False, True):
            request = {"subject": subject, "exclude_seen": exclude}
            for item in answer(funnels[exclude], **request)["items"]:
                reason = item["reason"]
                found[reason["code"]] = found.get(reason["code"], 0) + 1
                if reason["code"] == "bought_again":
                    times = int(counts[row, items.index(item["item"])])
                    word = {1: "once", 2: "twice"}.get(times, f"{times} times")
                    assert re.fullmatch(
                        rf"(Bought|Chosen) {word} before, last on 2025-\d\d-\d\d", reason["text"]
                    )
                    assert item["source"] == "repeat_purchase"
                    assert not exclude
                elif reason["code"] in ("bought_together", "similar_to_yours"):
                    assert reason["item"] in seen[subject]
                    assert reason["item"] != item["item"]
                    assert reason["item"] in reason["text"]
                    assert item["source"].startswith(
                        "item_knn" if reason["code"] == "bought_together" else "als"
                    )
                elif reason["code"] == "popular":
                    assert reason["text"] in ("Popular this fortnight", "Popular lately")
                    assert "item" not in reason
                else:
                    assert reason["code"] == "similar_taste"
    assert found["bought_again"] > 100
    assert found["bought_together"] > 10
    assert found["similar_to_yours"] > 10


def test_chance_says_so(small_data: pn.Dataset) -> None:
    pipeline = pn.Pipeline([pn.Random()]).fit(small_data)
    assert codes(pipeline, subject=small_data.subject_ids[0]) == {"exploration"}


def test_fallbacks_say_why(funnel: pn.Pipeline, small_bundle: Any) -> None:
    basket = {"basket": small_bundle.items[:2]}
    assert answer(funnel, subject=small_bundle.subjects[0])["fallback"] is None
    assert answer(funnel, subject=NOBODY)["fallback"] == "unknown_subject"
    assert answer(funnel, subject=None)["fallback"] == answer(funnel)["fallback"] == "anonymous"
    for subject in (NOBODY, None):
        assert codes(funnel, subject=subject) == {"popular"}
        assert answer(funnel, subject=subject, context=basket)["fallback"] is None
        assert shown(funnel, subject=subject, context=basket) != shown(funnel, subject=subject)
        # Which source leads is a matter of learned weights; for new items, neighbours do.
        assert codes(funnel, subject=subject, context=basket, exclude_seen=True) - {"popular"}
    frame = funnel.recommend([small_bundle.subjects[0], NOBODY], k=1)
    assert frame["fallback"].isna().tolist() == [True, False]


def test_someone_whose_events_all_count_nothing_has_no_history(small_events: Any) -> None:
    visit = small_events.iloc[:1].assign(subject="window shopper", event="return")
    data = dataset(pd.concat([small_events, visit]))
    pipeline = pn.Pipeline([pn.ItemKNN(), pn.RepeatPurchase(), pn.Popular()]).fit(data)
    body = answer(pipeline, subject="window shopper")
    assert body["fallback"] == "no_history"
    assert len(body["items"]) == 10


@pytest.mark.parametrize("subject", ["known", "unknown", "anonymous"])
def test_what_must_not_be_shown_is_never_shown(
    subject: str, funnel: pn.Pipeline, small_bundle: Any, seen: dict[Any, set[Any]]
) -> None:
    who = {"known": small_bundle.subjects[4], "unknown": NOBODY, "anonymous": None}[subject]
    everything = set(small_bundle.items)
    first = shown(funnel, subject=who, k=1000)
    assert set(first) == everything  # more than the catalogue: all that is allowed
    assert len(first) == len(everything)
    deny, basket, candidates = first[:5], first[3:9], first[2:30]
    had = seen.get(who, set())
    for exclude in (False, True):
        more = {"subject": who, "k": 100_000, "exclude_seen": exclude}
        out = had if exclude else set()
        context = {"basket": basket}
        assert set(shown(funnel, **more, deny=deny)) == everything - out - set(deny)
        assert set(shown(funnel, **more, context=context)) == everything - out - set(basket)
        assert set(shown(funnel, **more, candidates=candidates)) == set(candidates) - out
        all_at_once = shown(
            funnel, **more, deny=[*deny, "no such item"], context=context, candidates=candidates
        )
        allowed = set(candidates) - set(deny) - set(basket) - out
        assert set(all_at_once) == allowed
        assert len(all_at_once) == len(allowed)
    assert shown(funnel, subject=who, candidates=[]) == []
    assert shown(funnel, subject=who, candidates=["no such item"]) == []


def test_a_list_begins_as_a_shorter_one(funnel: pn.Pipeline, small_bundle: Any) -> None:
    for subject in [*small_bundle.subjects[:8], NOBODY]:
        long = answer(funnel, subject=subject, k=1000)["items"]
        assert [item["rank"] for item in long] == list(range(1, len(long) + 1))
        for k in (1, 4, 25):
            assert answer(funnel, subject=subject, k=k)["items"] == long[:k]


def test_the_two_regimes(funnel: pn.Pipeline, small_data: pn.Dataset, small_bundle: Any) -> None:
    subject = small_bundle.subjects[4]
    default = funnel.recommend_json({"subject": subject})
    assert default == funnel.recommend_json({"subject": subject, "exclude_seen": False})
    assert default != funnel.recommend_json({"subject": subject, "exclude_seen": True})
    strict = pn.Pipeline([pn.ItemKNN(), pn.RepeatPurchase()], exclude_seen=True).fit(small_data)
    assert strict.recommend_json({"subject": subject}) == strict.recommend_json(
        {"subject": subject, "exclude_seen": True}
    )
    for regime, exclude in (("repeats", False), ("new", True)):
        body = answer(funnel, subject=subject, exclude_seen=exclude, explain=True, k=30)
        for item in body["items"]:
            for share in item["shares"]:
                weight = funnel.weights_[regime][share["source"]]
                assert share["contribution"] == pytest.approx(weight * share["feature"], rel=1e-6)


def test_time_of_the_request_moves_what_is_due(funnel: pn.Pipeline, small_bundle: Any) -> None:
    now = answer(funnel, subject=small_bundle.subjects[4])
    later = answer(
        funnel, subject=small_bundle.subjects[4], context={"time": "2025-06-01T00:00:00Z"}
    )
    assert later["as_of"] == "2025-06-01T00:00:00Z"
    assert now["as_of"] < later["as_of"]
    assert later["items"] != now["items"]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"k": 0}, "k"),
        ({"k": -3}, "k"),
        ({"k": 100_001}, "k"),
        ({"subjects": "a"}, "subjects"),
        ({"subject": ["a"]}, "subject"),
        ({"context": {"busket": []}}, "busket"),
        ({"context": {"basket": "a"}}, "basket"),
        ({"context": {"time": "soon"}}, "soon"),
        ({"deny": "a"}, "deny"),
        ({"candidates": 3}, "candidates"),
        ({"explain": "yes"}, "explain"),
        (b"{", "JSON"),
        (b"", "empty"),
        ("[]", "object"),
    ],
)
def test_requests_that_make_no_sense(funnel: pn.Pipeline, request_: Any, words: str) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=words):
        funnel.recommend_json(request_)


# logs of other kinds ------------------------------------------------------------------------------


@pytest.mark.parametrize("default", [True, False])
def test_a_log_without_times(small_events: pd.DataFrame, default: bool) -> None:
    data = dataset(small_events.drop(columns="time"), time=None)
    pipeline = pn.Pipeline(None if default else sources()).fit(data)
    assert pipeline.validation_["windows"] == 1
    assert pipeline.lineage_["data"]["from"] is None
    assert answer(pipeline, subject=data.subject_ids[4])["as_of"] is None
    assert pn.Pipeline(None if default else sources()).fit(data).to_bytes() == pipeline.to_bytes()


def test_no_day_is_named_where_there_are_no_times(small_events: pd.DataFrame) -> None:
    data = dataset(small_events, time=None)
    pipeline = pn.Pipeline([pn.RepeatPurchase()], weights={"repeats": {}}).fit(data)
    reasons = [i["reason"] for i in answer(pipeline, subject=data.subject_ids[4])["items"]]
    texts = [reason["text"] for reason in reasons if reason["code"] == "bought_again"]
    assert texts
    assert all(
        re.fullmatch(r"(Bought|Chosen) (once|twice|\d+ times) before", text) for text in texts
    )


def test_integer_ids(small_events: pd.DataFrame) -> None:
    events = small_events.copy()
    for column in ("subject", "item"):
        events[column] = events[column].str.rsplit("-", n=1).str[1].astype(int)
    pipeline = pn.Pipeline(sources()).fit(dataset(events))
    subject = int(pipeline.subject_ids_[3])
    frame = pipeline.recommend(subject)
    assert frame["subject"].tolist() == [subject] * 10
    assert frame["item"].dtype == np.int64
    as_text = answer(pipeline, subject=str(subject), deny=[str(frame["item"][0])])
    as_number = answer(pipeline, subject=subject, deny=[int(frame["item"][0])])
    assert as_text["items"] == as_number["items"]
    assert pipeline.recommend(np.int64(subject))["item"].tolist() == frame["item"].tolist()


@pytest.mark.parametrize("timed", [True, False])
def test_the_smallest_shop(timed: bool) -> None:
    times = ["2025-01-01"] if timed else None
    pipeline = pn.Pipeline().fit(pn.Dataset.from_interactions(["a"], ["x"], None, times))
    assert shown(pipeline, subject="a") == shown(pipeline) == ["x"]
    assert shown(pipeline, subject="a", exclude_seen=True) == []


# evaluation ---------------------------------------------------------------------------------------


def test_evaluation_sees_the_lists_that_are_served(
    small_data: pn.Dataset, small_bundle: Any, tmp_path: Path
) -> None:
    train, test = pn.splits.temporal(small_data, test="14d")
    pipeline = pn.Pipeline(sources()).fit(train)
    for exclude in (False, True):
        report = pn.evaluate(pipeline, test, metrics=["hit_rate@5", "auc"], exclude_seen=exclude)
        hits = report.per_subject("hit_rate@5")
        truth = test.to_csr("binary")
        had = train.to_csr("binary")
        for subject, value in zip(hits["subject"], hits["value"], strict=True):
            row = np.flatnonzero(test.subject_ids == subject)[0]
            right = set(test.item_ids[truth[row].indices])
            if exclude:
                mine = np.flatnonzero(train.subject_ids == subject)[0]
                right -= set(train.item_ids[had[mine].indices])
            listed = pipeline.recommend(subject, k=5, exclude_seen=exclude)["item"]
            assert value == float(bool(right & set(listed)))
    path = tmp_path / "shop.penchant"
    pipeline.save(path)
    again = pn.evaluate(pn.load(path), test, metrics=["ndcg@10", "auc"])
    assert again["ndcg@10"] == pn.evaluate(pipeline, test, metrics=["ndcg@10", "auc"])["ndcg@10"]
    comparison = pn.compare(pipeline, pn.Random().fit(train), test, ["ndcg@10"], exclude_seen=False)
    assert comparison["ndcg@10"].low > 0
