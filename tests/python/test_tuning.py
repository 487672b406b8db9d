"""Choosing parameters: what is searched, that it resumes, and that nothing outside is seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import penchant as pn
from penchant import errors
from penchant.tuning import Choice, Doubling, Range, _space, _tune

SPACE: dict[str, Any] = {
    "neighbors": Range(5, 60, log=True),
    "shrinkage": Range(0.0, 20.0),
    "similarity": Choice("cosine", "tfidf", "bm25"),
}


def told(study: pn.Study) -> list[Any]:
    """The trials but for how long they took."""
    return [{k: v for k, v in trial.items() if k != "seconds"} for trial in study.trials]


@pytest.fixture(scope="module")
def study(small_data: pn.Dataset) -> pn.Study:
    return pn.tune(pn.ItemKNN(k1=1.5), small_data, "14d", "ndcg@10", 9, seed=4, space=SPACE)


def test_the_best_is_the_best_trial_and_fitted_on_everything(
    study: pn.Study, small_data: pn.Dataset
) -> None:
    assert len(study.trials) == 9
    best = max(study.trials, key=lambda t: t["value"])
    assert study.best_params == best["parameters"]
    assert study.best_value.value == best["value"]
    assert study.best_value.low <= best["value"] <= study.best_value.high
    for name, dimension in SPACE.items():
        assert all(dimension.holds(t["parameters"][name]) for t in study.trials[1:])
        assert len({t["parameters"][name] for t in study.trials}) > 1
    expected = pn.ItemKNN(**{"k1": 1.5, **study.best_params}).fit(small_data)
    pd.testing.assert_frame_equal(
        study.best_model.recommend(small_data.subject_ids[:9]),
        expected.recommend(small_data.subject_ids[:9]),
    )


def test_the_first_trial_is_the_model_as_given(study: pn.Study, small_data: pn.Dataset) -> None:
    fit_part, valid_part = pn.splits.temporal(small_data, test="14d")
    given = pn.evaluate(pn.ItemKNN(k1=1.5).fit(fit_part), valid_part, ["ndcg@10"])["ndcg@10"]
    first = study.trials[0]
    assert (first["stage"], first["value"]) == ("given", given.value)
    assert first["parameters"] == {"neighbors": 200, "shrinkage": 0.0, "similarity": "bm25"}


def test_a_trial_is_what_evaluating_it_says(study: pn.Study, small_data: pn.Dataset) -> None:
    fit_part, valid_part = pn.splits.temporal(small_data, test="14d")
    for trial in study.trials[1:4]:
        model = pn.ItemKNN(**{"k1": 1.5, **trial["parameters"]}).fit(fit_part)
        found = pn.evaluate(model, valid_part, ["ndcg@10"])["ndcg@10"]
        assert (trial["value"], trial["low"], trial["high"]) == (found.value, found.low, found.high)


def test_only_train_is_ever_fitted_or_evaluated(
    small_data: pn.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[pn.Dataset] = []
    fit = pn.ItemKNN.fit

    def spy(self: Any, data: pn.Dataset, **more: Any) -> Any:
        fitted.append(data)
        return fit(self, data, **more)

    monkeypatch.setattr(pn.ItemKNN, "fit", spy)
    pn.tune(pn.ItemKNN(), small_data, trials=3, space=SPACE)
    part, _ = pn.splits.temporal(small_data, test="14d")
    assert [data.hash for data in fitted] == [part.hash] * 3 + [small_data.hash]


def test_same_seed_same_trials_another_seed_others(study: pn.Study, small_data: pn.Dataset) -> None:
    again = pn.tune(
        pn.ItemKNN(k1=1.5), small_data, "14d", "ndcg@10", 9, seed=4, space=SPACE, threads=1
    )
    assert told(again) == told(study)
    other = pn.tune(pn.ItemKNN(k1=1.5), small_data, trials=4, seed=5, space=SPACE)
    assert told(other)[1:] != told(study)[1:4]


@pytest.mark.parametrize("stop_at", [0, 1, 5])
def test_a_stopped_search_goes_on_as_if_it_never_was(
    stop_at: int,
    study: pn.Study,
    small_data: pn.Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    storage = tmp_path / "knn.journal"
    evaluate = _tune.evaluate
    calls = 0

    def stopping(*args: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == stop_at + 1:
            raise KeyboardInterrupt
        return evaluate(*args, **more)

    def run(trials: int) -> pn.Study:
        return pn.tune(
            pn.ItemKNN(k1=1.5), small_data, trials=trials, seed=4, space=SPACE, storage=storage
        )

    with monkeypatch.context() as patch:
        patch.setattr(_tune, "evaluate", stopping)
        with pytest.raises(KeyboardInterrupt):
            run(9)
    resumed = run(9)
    assert told(resumed) == told(study)
    assert told(run(9)) == told(study)  # nothing left to do but the last fit
    assert len(run(10).trials) == 10


def test_another_search_in_the_file_is_refused(small_data: pn.Dataset, tmp_path: Path) -> None:
    storage = tmp_path / "knn.journal"
    pn.tune(pn.ItemKNN(), small_data, trials=1, space=SPACE, storage=storage)
    with pytest.raises(errors.InvalidArgumentError, match=r"another search.*seed"):
        pn.tune(pn.ItemKNN(), small_data, trials=1, space=SPACE, storage=storage, seed=1)
    with pytest.raises(errors.InvalidArgumentError, match=r"another search.*metric"):
        pn.tune(pn.ItemKNN(), small_data, "14d", "map@5", 1, space=SPACE, storage=storage)


def test_sizes_double_from_the_best_so_far(small_data: pn.Dataset) -> None:
    space = {"factors": Doubling(2, 8), "regularization": Range(0.1, 50.0, log=True)}
    study = pn.tune(pn.ALS(factors=3, iterations=3), small_data, trials=17, space=space)
    stages = [trial["stage"] for trial in study.trials]
    assert stages[0] == "given"
    assert stages[1:9] == ["factors=2"] * 8  # half of all at the smallest size
    for at in range(1, len(stages)):
        size = int(stages[at].split("=")[1])
        assert study.trials[at]["parameters"]["factors"] == size
        if stages.index(stages[at]) == at and size > 2:  # the first of its size
            smaller = [t for t in study.trials[1:at] if t["parameters"]["factors"] < size]
            best = max(smaller, key=lambda t: t["value"])
            mine = study.trials[at]["parameters"]["regularization"]
            assert mine == pytest.approx(best["parameters"]["regularization"])
    assert "factors=4" in stages


def record(stage: str, value: float, number: int) -> dict[str, Any]:
    return {"trial": number, "stage": stage, "value": value, "parameters": {"factors": 0, "a": 1}}


def test_a_doubling_that_does_not_help_is_taken_back() -> None:
    stages = _tune._Stages("factors", [2, 4, 8])
    ended = [record("given", 0.9, 0), record("factors=2", 0.5, 1)]
    assert stages.next(ended, 0.3)[1] == {"factors": 2}
    assert stages.next(ended, 0.5) == ("factors=4", {"factors": 4}, {"a": 1})
    ended.append(record("factors=4", 0.4, 2))
    assert stages.next(ended, 0.6)[1] == {"factors": 4}  # once is chance
    ended.append(record("factors=4", 0.45, 3))
    assert stages.next(ended, 0.9)[1] == {"factors": 2}
    better = [*ended[:-1], record("factors=4", 0.6, 3)]
    assert stages.next(better, 0.7)[1] == {"factors": 4}
    assert stages.next(better, 0.8) == ("factors=8", {"factors": 8}, {"a": 1})


def test_a_trial_that_fails_is_told_and_the_search_goes_on(small_data: pn.Dataset) -> None:
    space = {"half_life": Choice("20d", "no time at all"), "window": Choice("14d", "28d")}
    study = pn.tune(pn.Popular(half_life="20d"), small_data, trials=12, space=space)
    failed = [trial for trial in study.trials if trial["error"]]
    assert failed
    assert len(failed) < len(study.trials) - 1
    assert all(t["value"] is None and "half_life" in t["error"] for t in failed)
    assert study.best_params["half_life"] == "20d"
    assert f"{len(failed)} of them failed" in repr(study)
    assert study.frame["error"].notna().sum() == len(failed)


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_the_frame_is_of_the_kind_that_came(kind: str, small_events: pd.DataFrame) -> None:
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    make = {"pandas": lambda f: f, "polars": pl.from_pandas, "pyarrow": pa.Table.from_pandas}
    data = pn.Dataset.from_events(make[kind](small_events), type="event", value="quantity")
    frame = pn.tune(pn.ItemKNN(), data, trials=3, space=SPACE).frame
    assert type(frame).__module__.split(".")[0] == kind
    names = frame.column_names if kind == "pyarrow" else list(frame.columns)
    expected = ["trial", "stage", "ndcg@10", "low", "high", "seconds", "error", *SPACE]
    assert sorted(names) == sorted(expected)


def test_the_plot_shows_every_trial(study: pn.Study) -> None:
    figure = study.plot()
    assert isinstance(figure, Figure)
    axes = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title() for ax in axes] == ["as the search went on", *study.best_params]
    for ax in axes:
        assert len(ax.collections[0].get_offsets()) == 9


def test_a_log_without_times_is_held_out_by_share(small_events: pd.DataFrame) -> None:
    data = pn.Dataset.from_events(small_events.drop(columns="time"), time=None)
    with pytest.raises(errors.InvalidArgumentError, match="no events with times"):
        pn.tune(pn.Popular(), data, trials=1, space={"window": Choice(None)})
    study = pn.tune(pn.ItemKNN(), data, valid=0.25, trials=2)
    assert "random split" in study.validation
    assert "half_life" not in study.best_params


def test_a_budget_ends_it(small_data: pn.Dataset) -> None:
    study = pn.tune(pn.ItemKNN(), small_data, budget="1s", space=SPACE)
    assert study.trials
    assert sum(t["seconds"] for t in study.trials[:-1]) < 1


@pytest.mark.parametrize("name", list(_space._SPACES))
def test_default_spaces_name_parameters_and_work(name: str, small_data: pn.Dataset) -> None:
    model = getattr(pn, name)()
    space = pn.tuning.default_space(model)
    assert set(space) <= set(model.get_params())
    small = {k: v for k, v in space.items() if not isinstance(v, Doubling)}
    if "factors" in model.get_params():
        model.set_params(factors=4)
    study = pn.tune(model, small_data, trials=3, space=small)
    assert not any(t["error"] for t in study.trials)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"model": pn.Random}, "no ranges are known for Random"),
        ({"space": {"depth": Range(1, 2)}}, "no parameter 'depth'.*neighbors"),
        ({"space": {"neighbors": (1, 2)}}, "Range, Choice or Doubling"),
        ({"space": {}}, "empty"),
        ({"trials": 0}, "trials"),
        ({"trials": 2.5}, "trials"),
        ({"budget": "soon"}, "budget"),
        ({"metric": "ndgc@10"}, "ndgc"),
        ({"valid": "3000d"}, "no events"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_makes_no_sense_is_said(
    arguments: dict[str, Any], words: str, small_data: pn.Dataset
) -> None:
    arguments = {"trials": 1, **arguments}
    model = arguments.pop("model", pn.ItemKNN)()
    with pytest.raises(errors.InvalidArgumentError, match=words):
        pn.tune(model, small_data, **arguments)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Range(2, 1),
        lambda: Range(0.0, 1.0, log=True),
        lambda: Range(0.0, np.inf),
        lambda: Choice(),
        lambda: Choice([1]),
        lambda: Doubling(0, 4),
    ],
)
def test_ranges_that_make_no_sense(make: Any) -> None:
    with pytest.raises(errors.InvalidArgumentError):
        make()


def test_wrong_kinds_are_named(small_data: pn.Dataset) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=r"Penchant model.*Pipeline"):
        pn.tune(pn.Pipeline(), small_data)
    with pytest.raises(errors.InvalidArgumentError, match="Dataset"):
        pn.tune(pn.ItemKNN(), small_data.to_frame())
    two = {"neighbors": Doubling(1, 2), "shrinkage": Doubling(1, 2)}
    with pytest.raises(errors.InvalidArgumentError, match="only one"):
        pn.tune(pn.ItemKNN(), small_data, space=two)


def test_nothing_is_printed(small_data: pn.Dataset, capfd: pytest.CaptureFixture[str]) -> None:
    pn.tune(pn.ItemKNN(), small_data, trials=2, space=SPACE)
    assert capfd.readouterr() == ("", "")
