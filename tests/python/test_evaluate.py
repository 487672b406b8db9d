"""``pn.evaluate``, ``pn.compare`` and leaderboards: values, protocol, intervals, printing."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import penchant as pn
from penchant.evaluation import ScoreTable

METRICS = [
    "map@5", "map@10", "ndcg@10", "ndcg@50", "recall@20", "precision@10", "mrr", "mrr@5",
    "hit_rate@3", "auc", "coverage@10", "novelty@10",
]  # fmt: skip


class World:
    """Random pairs of training and test, and random scores."""

    def __init__(self, seed: int, *, subjects: int = 60, items: int = 80, levels: int = 0) -> None:
        rng = np.random.default_rng(seed)
        shares = rng.uniform(0.02, 0.3, size=(subjects, 1))
        self.seen = rng.uniform(size=(subjects, items)) < shares
        self.right = rng.uniform(size=(subjects, items)) < shares
        self.seen[np.arange(subjects), rng.integers(0, items, subjects)] = True
        self.seen[rng.integers(0, subjects, items), np.arange(items)] = True  # all items are known
        self.right[0] = False
        self.right[1] = self.seen[1]  # nothing new to find
        self.scores = rng.permuted(
            np.tile(np.arange(items, dtype=np.float32), (subjects, 1)), axis=1
        )
        if levels:
            self.scores = np.floor(self.scores * levels / items)
        self.items = np.array([f"i{i:03d}" for i in range(items)], dtype=object)
        self.subjects = np.arange(1000, 1000 + subjects)
        self.train = self.dataset(self.seen)
        self.test = self.dataset(self.right)

    def dataset(self, pairs: np.ndarray) -> Any:
        rows, columns = np.nonzero(pairs)
        return pn.Dataset.from_interactions(self.subjects[rows], self.items[columns])

    def model(self, scores: np.ndarray | None = None) -> ScoreTable:
        return ScoreTable(self.train, self.scores if scores is None else scores)

    def plain(self, metric: str, row: int, *, exclude_seen: bool) -> float:
        """One person's value by the readable functions of `pn.metrics`."""
        name, _, cut = metric.partition("@")
        k = int(cut) if cut else None
        seen = set(np.flatnonzero(self.seen[row]))
        truth = set(np.flatnonzero(self.right[row])) - (seen if exclude_seen else set())
        scores = self.scores[row]
        if not truth:
            return math.nan
        if name == "auc":
            return pn.metrics.auc(truth, scores, range(len(scores)), exclude=seen)
        ranked = [
            int(item)
            for item in np.argsort(-scores, kind="stable")
            if not (exclude_seen and item in seen)
        ]
        if name == "novelty":
            popularity = self.seen.sum(axis=0)[ranked[:k]]
            return float(np.mean(-np.log2(popularity / len(self.seen))))
        function = {"map": "average_precision", "mrr": "reciprocal_rank"}.get(name, name)
        return float(getattr(pn.metrics, function)(truth, ranked, k))


def values_by_subject(report: Any, metric: str) -> dict[Any, float]:
    frame = report.per_subject(metric, format="pyarrow")
    return dict(zip(frame["subject"].to_pylist(), frame["value"].to_pylist(), strict=True))


@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.parametrize("levels", [0, 3])
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_plain_definitions(seed: int, levels: int, exclude_seen: bool) -> None:
    world = World(seed, levels=levels)
    report = pn.evaluate(world.model(), world.test, METRICS, exclude_seen=exclude_seen)
    for metric in METRICS:
        if metric.startswith("coverage"):
            continue
        want = {
            subject: world.plain(metric, row, exclude_seen=exclude_seen)
            for row, subject in enumerate(world.subjects.tolist())
        }
        want = {subject: value for subject, value in want.items() if not math.isnan(value)}
        got = values_by_subject(report, metric)
        assert set(got) == set(want)
        for subject, value in want.items():
            assert got[subject] == pytest.approx(value, abs=1e-12), metric
        assert report[metric].value == pytest.approx(np.mean(list(want.values())), abs=1e-12)


def test_equals_public_implementations() -> None:
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    pytrec_eval = pytest.importorskip("pytrec_eval")
    world = World(11, subjects=120, items=150)
    report = pn.evaluate(world.model(), world.test, METRICS)
    right = world.right & ~world.seen
    rows = np.flatnonzero(right.any(axis=1))
    names = [str(subject) for subject in world.subjects]
    truth = {names[r]: {world.items[i]: 1 for i in np.flatnonzero(right[r])} for r in rows}
    run = {
        names[r]: {
            world.items[i]: float(world.scores[r, i]) for i in np.flatnonzero(~world.seen[r])
        }
        for r in rows
    }
    judged = pytrec_eval.RelevanceEvaluator(
        truth,
        {"P.10", "recall.20", "ndcg_cut.10,50", "map_cut.5,10", "success.3", "recip_rank"},
    ).evaluate(run)
    plainly = {
        "precision@10": "P_10", "recall@20": "recall_20", "ndcg@10": "ndcg_cut_10",
        "ndcg@50": "ndcg_cut_50", "hit_rate@3": "success_3", "mrr": "recip_rank",
    }  # fmt: skip
    got = {metric: values_by_subject(report, metric) for metric in METRICS}
    for r in rows:
        subject, size = int(world.subjects[r]), len(truth[names[r]])
        judge = judged[names[r]]
        for metric, public in plainly.items():
            assert got[metric][subject] == pytest.approx(judge[public], abs=1e-9), metric
        for k in (5, 10):
            # trec_eval divides by all of the truth; here by what a list of k can hold.
            want = judge[f"map_cut_{k}"] * size / min(k, size)
            assert got[f"map@{k}"][subject] == pytest.approx(want, abs=1e-9)
        open_items = ~world.seen[r]
        labels, scores = right[r][open_items], world.scores[r][open_items]
        area = sklearn_metrics.roc_auc_score(labels, scores)
        assert got["auc"][subject] == pytest.approx(area, abs=1e-9)
        gain = sklearn_metrics.ndcg_score([labels.astype(int)], [scores], k=10)
        assert got["ndcg@10"][subject] == pytest.approx(gain, abs=1e-9)
    listed = [np.argsort(-np.where(world.seen[r], -1, world.scores[r]))[:10] for r in rows]
    assert report["coverage@10"].value == len(set(np.concatenate(listed))) / 150


def test_the_protocol_counts_everyone_and_everything() -> None:
    train = pn.Dataset.from_interactions(
        ["a", "a", "b", "b", "c", "d"], ["x", "y", "x", "z", "y", "w"]
    )
    test = pn.Dataset.from_interactions(
        #  a: repeat + new     b: a repeat only  c: unknown item only  stranger: a known item
        ["a", "a", "a", "a", "b", "c", "stranger"],
        ["x", "z", "z", "n", "x", "n", "x"],
    )
    scores = np.tile(np.array([4, 3, 2, 1], dtype=np.float32), (4, 1))  # w x y z
    model = ScoreTable(train, scores)

    report = pn.evaluate(model, test, ["recall@1", "mrr"])
    protocol = report.protocol
    assert (protocol.catalogue, protocol.test_subjects, protocol.unknown_subjects) == (4, 4, 1)
    assert (protocol.evaluated, protocol.without_truth) == (1, 2)
    assert (protocol.pairs, protocol.repeats, protocol.unknown_item_pairs) == (1, 2, 2)
    assert values_by_subject(report, "mrr") == {"a": 1 / 2}  # w z: x and y are masked

    counted = pn.evaluate(model, test, ["recall@2", "mrr"], unknown_items="count")
    assert values_by_subject(counted, "recall@2") == {"a": 1 / 2, "c": 0.0}

    everyone = pn.evaluate(model, test, ["mrr"], subjects="all")
    # The stranger gets items by popularity: x and y have two people each, x comes first.
    assert values_by_subject(everyone, "mrr") == {"a": 1 / 2, "stranger": 1.0}

    again = pn.evaluate(model, test, ["mrr", "auc"], exclude_seen=False)
    assert values_by_subject(again, "mrr") == {"a": 1 / 2, "b": 1 / 2}
    # a: right x z, has also y; the only wrong one is w, which is above both.
    assert values_by_subject(again, "auc") == {"a": 0.0, "b": 1 / 2}
    against_all = pn.evaluate(model, test, ["auc"], exclude_seen=False, auc_against="all")
    # a: y, bought before and not again, is wrong too: x and z against w and y. b: x against w y z.
    assert values_by_subject(against_all, "auc") == {"a": 1 / 4, "b": 2 / 3}
    assert "AUC against all" in repr(against_all)
    assert again.protocol.repeats == 2
    assert again.protocol.pairs == 3
    assert "seen items may return" in repr(again)
    assert "seen items masked" in repr(report)


def test_integer_and_text_ids_meet() -> None:
    train = pn.Dataset.from_interactions(np.array([1, 1, 2, 10]), np.array([5, 20, 5, 7]))
    test = pn.Dataset.from_interactions(["1", "2", "10"], ["7", "20", "5"])
    scores = np.arange(9, dtype=np.float32).reshape(3, 3)
    report = pn.evaluate(ScoreTable(train, scores), test, ["mrr"])
    assert report.protocol.evaluated == 3
    assert report.protocol.unknown_item_pairs == 0
    # 1: only 7 is left. 2: of 7 and 20, the latter scores higher. 10: of 5 and 20, the latter.
    assert values_by_subject(report, "mrr") == {"1": 1.0, "2": 1.0, "10": 1 / 2}


def test_same_bits_whatever_the_threads_and_other_intervals_for_another_seed() -> None:
    world = World(5, subjects=200)
    one, many = (
        pn.evaluate(world.model(), world.test, METRICS, threads=threads, seed=3)
        for threads in (1, 8)
    )
    for metric in METRICS:
        assert one.subject_values[metric].tobytes() == many.subject_values[metric].tobytes()
    assert repr(one) == repr(many)
    assert str(one.intervals) == str(many.intervals)
    other = pn.evaluate(world.model(), world.test, METRICS, seed=4)
    assert other["map@10"].value == one["map@10"].value
    assert other["map@10"].low != one["map@10"].low


def test_intervals_hold_the_value_and_grow_with_confidence() -> None:
    world = World(6, subjects=300)
    wide = pn.evaluate(world.model(), world.test, METRICS, confidence=0.99)
    narrow = pn.evaluate(world.model(), world.test, METRICS, confidence=0.5)
    for metric in METRICS:
        if metric.startswith("coverage"):
            assert math.isnan(wide[metric].low)
            continue
        assert wide[metric].low < narrow[metric].low < narrow[metric].value
        assert narrow[metric].value < narrow[metric].high < wide[metric].high
    values = wide.subject_values["auc"]
    spread = 2 * 2.576 * np.nanstd(values) / math.sqrt(np.sum(~np.isnan(values)))
    assert wide["auc"].high - wide["auc"].low == pytest.approx(spread, rel=0.2)


def test_comparison_is_paired() -> None:
    world = World(7, subjects=300)
    right = world.right & ~world.seen
    # A little better for everyone: far less than what people differ by.
    better = world.scores + 1.5 * right
    a, b = world.model(better), world.model()
    comparison = pn.compare(a, b, world.test, ["auc", "mrr", "coverage@10"], names=("new", "old"))
    report_a = pn.evaluate(a, world.test, ["auc"])
    report_b = pn.evaluate(b, world.test, ["auc"])
    auc = comparison["auc"]
    assert auc.value == pytest.approx(report_a["auc"].value - report_b["auc"].value, abs=1e-12)
    assert auc.low > 0
    assert auc.significant
    assert report_a["auc"].low < report_b["auc"].high  # the separate intervals overlap
    gaps = report_a.subject_values["auc"] - report_b.subject_values["auc"]
    assert auc.better == pytest.approx(np.nanmean(gaps > 0))
    assert auc.worse == pytest.approx(np.nanmean(gaps < 0))
    assert auc.subjects == np.sum(~np.isnan(gaps))
    coverage = comparison["coverage@10"]
    assert math.isnan(coverage.low)
    assert coverage.value == coverage.a - coverage.b
    same = pn.compare(a, a, world.test, ["auc"])
    assert (same["auc"].value, same["auc"].low, same["auc"].high) == (0.0, 0.0, 0.0)
    assert not same["auc"].significant
    back = report_b.compare(report_a)["auc"]
    assert back.value == -report_a.compare(report_b)["auc"].value
    text = repr(comparison)
    assert text.startswith("new − old")
    assert "better" in text
    assert len(comparison.to_frame()) == 3
    with pytest.raises(pn.errors.NotFoundError):
        comparison["map@10"]


def test_reports_that_were_measured_differently_are_not_compared() -> None:
    world = World(8)
    masked = pn.evaluate(world.model(), world.test, ["auc"])
    with pytest.raises(pn.errors.InvalidArgumentError, match="exclude_seen"):
        masked.compare(pn.evaluate(world.model(), world.test, ["auc"], exclude_seen=False))
    with pytest.raises(pn.errors.InvalidArgumentError, match="share no metric"):
        masked.compare(pn.evaluate(world.model(), world.test, ["mrr"]))


def test_comparison_takes_the_people_that_both_know() -> None:
    world = World(9)
    few = world.seen.copy()
    few[30:] = False
    few[0] |= ~few.any(axis=0)  # the same catalogue
    train = world.dataset(few)
    b = ScoreTable(train, np.zeros((30, 80), dtype=np.float32))
    comparison = pn.compare(world.model(), b, world.test, ["auc"])
    assert set(comparison.subject_ids.tolist()) <= set(range(1000, 1030))
    known = values_by_subject(pn.evaluate(world.model(), world.test, ["auc"]), "auc")
    assert comparison["auc"].a == pytest.approx(
        np.nanmean([known[subject] for subject in comparison.subject_ids.tolist()])
    )


def test_leaderboard_names_the_best_and_fits_a_line() -> None:
    world = World(10)
    right = world.right & ~world.seen
    models = {"oracle": world.model(world.scores + 1000 * right), "noise": world.model()}
    board = pn.evaluation.leaderboard(models, world.test, METRICS)
    assert board.best("map@10") == "oracle"
    assert board["oracle"]["map@10"].value == 1.0
    assert board.compare("oracle", "noise")["map@10"].low > 0
    assert len(board.to_frame()) == 2 * len(METRICS)
    text = repr(board)
    assert "1.0000 ±.0000*" in text
    assert max(map(len, text.splitlines()[:-1])) <= 100
    assert "<table>" in board._repr_html_()
    with pytest.raises(pn.errors.NotFoundError):
        board["nobody"]
    with pytest.raises(pn.errors.InvalidArgumentError):
        pn.evaluation.leaderboard({}, world.test)


def test_report_reads_like_a_dict_and_prints_a_table() -> None:
    world = World(12)
    report = pn.evaluate(world.model(), world.test, name="scores <b>")
    assert list(report) == list(pn.evaluation.DEFAULT_METRICS)
    assert len(report) == 9
    assert report["MAP@10"] is report["map@10"]
    assert float(report["map@10"]) == report["map@10"].value
    assert "auc" in report
    assert "gini" not in report
    frame = report.to_frame(format="pandas")
    assert list(frame.columns) == ["metric", "value", "low", "high"]
    assert frame.set_index("metric").loc["auc", "value"] == report["auc"].value
    people = report.per_subject("ndcg@10", format="pandas")
    assert list(people.columns) == ["subject", "value"]
    assert people["value"].mean() == pytest.approx(report["ndcg@10"].value)
    lines = repr(report).splitlines()
    assert lines[0] == "scores <b>"
    assert len({len(line) for line in lines[3:10]}) == 1  # aligned
    assert "full catalogue of 80 items, seen items masked" in lines[-1]
    assert "scores &lt;b&gt;" in report._repr_html_()
    with pytest.raises(KeyError, match="was not measured"):
        report["map@11"]


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_frames_of_each_kind(kind: str) -> None:
    pytest.importorskip(kind)
    world = World(13)
    report = pn.evaluate(world.model(), world.test, ["auc", "coverage@10"])
    for frame in (report.to_frame(kind), report.per_subject("auc", kind)):
        assert type(frame).__module__.split(".")[0] == kind
    with pytest.raises(pn.errors.InvalidArgumentError):
        report.to_frame("excel")


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_frames_are_of_the_kind_of_the_test_data(kind: str) -> None:
    columns = {"subject": ["a", "b"], "item": ["y", "x"], "time": ["2024-01-01"] * 2}
    native = pytest.importorskip(kind)
    frame = native.table(columns) if kind == "pyarrow" else native.DataFrame(columns)
    train = pn.Dataset.from_interactions(["a", "b"], ["x", "y"])
    model = ScoreTable(train, np.eye(2, dtype=np.float32))
    report = pn.evaluate(model, pn.Dataset.from_events(frame), ["mrr"])
    board = pn.evaluation.leaderboard({"eye": model}, pn.Dataset.from_events(frame), ["mrr"])
    for answer in (
        report.to_frame(),
        report.per_subject("mrr"),
        report.compare(report).to_frame(),
        board.to_frame(),
    ):
        assert type(answer) is type(frame)


def test_plots_draw_what_was_measured() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    world = World(14)
    report = pn.evaluate(world.model(), world.test)
    ax = report.plot()
    assert [bar.get_width() for bar in ax.patches] == [
        report[metric].value for metric in report if not metric.startswith("novelty")
    ]
    assert pn.evaluate(world.model(), world.test, ["novelty@5"]).plot().patches
    _, mine = plt.subplots()
    assert report.plot(mine) is mine
    comparison = pn.compare(world.model(-world.scores), world.model(), world.test)
    labels = [label.get_text() for label in comparison.plot().get_yticklabels()]
    assert "coverage@10" not in labels
    assert "map@10" in labels
    board = pn.evaluation.leaderboard({"a": world.model(), "b": world.model()}, world.test)
    assert sum(panel.get_visible() for panel in board.plot().axes) == 9
    board.plot(["auc"])
    plt.close("all")


def test_matplotlib_is_imported_only_to_plot() -> None:
    code = (
        "import sys, penchant as pn; pn.evaluate, pn.compare, pn.evaluation.leaderboard;"
        "assert not {'matplotlib', 'pandas', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_refuses_what_makes_no_sense() -> None:
    world = World(15)
    model = world.model()
    invalid = pn.errors.InvalidArgumentError
    for metrics in (["map"], ["auc@10"], ["gini@10"], [], [3]):
        with pytest.raises(invalid):
            pn.evaluate(model, world.test, metrics)
    for options in (
        {"confidence": 1.0}, {"confidence": 95}, {"subjects": "some"}, {"unknown_items": "keep"},
        {"fold_in": True}, {"auc_against": "all"}, {"auc_against": "some"},
    ):  # fmt: skip
        with pytest.raises(invalid):
            pn.evaluate(model, world.test, ["auc"], **options)
    strangers = pn.Dataset.from_interactions(["nobody"], ["i000"])
    with pytest.raises(invalid, match=r"nobody is left .*1 unknown to training"):
        pn.evaluate(model, strangers, ["auc"])
    with pytest.raises(invalid, match="shape"):
        ScoreTable(world.train, world.scores[:, 1:])


def test_one_metric_as_a_text_and_repeated_metrics() -> None:
    world = World(16)
    assert list(pn.evaluate(world.model(), world.test, "AUC")) == ["auc"]
    assert list(pn.evaluate(world.model(), world.test, ["mrr", "MRR", "mrr"])) == ["mrr"]


def test_what_can_not_be_recommended_is_in_no_list() -> None:
    world = World(17)
    scores = world.scores.copy()
    scores[:, 10:] = -np.inf
    scores[:, 5] = np.nan
    report = pn.evaluate(world.model(scores), world.test, ["coverage@50", "recall@50"])
    assert report["coverage@50"].value == 9 / 80


# strong generalization ----------------------------------------------------------------------------


def people(seed: int = 5) -> Any:
    """A log in which people of a kind buy the same things, one event a day."""
    rng = np.random.default_rng(seed)
    rows = []
    for subject in range(160):
        liked = 20 * (subject % 3) + rng.choice(20, size=10, replace=False)
        rows += [(f"p{subject:03d}", f"i{item:02d}", day) for day, item in enumerate(liked)]
    subjects, items, days = zip(*rows, strict=True)
    return pn.Dataset.from_interactions(
        list(subjects), list(items), times=np.array(days) * 86_400 + 1_600_000_000
    )


def by_hand(model: Any, test: Any, seen: dict[Any, set[Any]], k: int) -> dict[Any, float]:
    """Recall@k of each subject from the lists of `recommend`."""
    pairs = test.to_csr("binary")
    catalogue = set(model.item_ids_.tolist())
    out = {}
    for row, subject in enumerate(test.subject_ids):
        truth = set(test.item_ids[pairs[row].indices]) & catalogue - seen.get(subject, set())
        if truth and subject in set(model.subject_ids_):
            shown = model.recommend(subject, k=k)["item"]
            out[subject] = len(truth & set(shown)) / len(truth)
    return out


def items_by_subject(data: Any) -> dict[Any, set[Any]]:
    pairs = data.to_csr("binary")
    return {s: set(data.item_ids[pairs[row].indices]) for row, s in enumerate(data.subject_ids)}


@pytest.mark.parametrize("make", [lambda: pn.ALS(factors=8, iterations=5), pn.ItemKNN, pn.Popular])
def test_strong_generalization_is_fold_in_then_recommend(make: Any) -> None:
    train, test = pn.splits.by_user(people(), test=0.3, seed=1)
    model = make().fit(train)
    report = pn.evaluate(model, test, ["recall@5", "auc"], fold_in=True, seed=4)
    history, rest = pn.splits.random(test, test=0.2, seed=4)
    assert len(np.intersect1d(train.subject_ids, report.subject_ids)) == 0
    want = by_hand(model.fold_in(history), rest, items_by_subject(history), 5)
    assert values_by_subject(report, "recall@5") == pytest.approx(want)
    assert "80% of each subject's pairs folded in" in repr(report)
    # A history given by hand, and another share.
    given = pn.evaluate(model, rest, ["recall@5", "auc"], fold_in=history)
    assert given["recall@5"].value == report["recall@5"].value
    assert "given history" in given.protocol.describe()
    half = pn.evaluate(model, test, ["recall@5"], fold_in=0.5)
    assert half.protocol.pairs > 1.5 * report.protocol.pairs
    again = pn.evaluate(model, test, ["recall@5", "auc"], fold_in=True, seed=4)
    assert again["auc"] == report["auc"]


def test_folding_in_beats_knowing_nothing() -> None:
    train, test = pn.splits.by_user(people(), test=0.3, seed=1)
    als = pn.ALS(factors=8, iterations=5).fit(train)
    told = pn.evaluate(als, test, ["ndcg@10"], fold_in=True)
    untold = pn.evaluate(als, test, ["ndcg@10"], subjects="all")
    assert told["ndcg@10"].low > untold["ndcg@10"].high


@pytest.mark.parametrize("share", [0, 1, 1.5, -0.1, "most", None])
def test_a_share_to_fold_in_that_makes_no_sense(share: Any) -> None:
    train, test = pn.splits.by_user(people(), test=0.3)
    with pytest.raises(pn.errors.InvalidArgumentError, match="fold_in"):
        pn.evaluate(pn.Popular().fit(train), test, ["map@5"], fold_in=share)


def test_leave_one_out_and_a_global_cut_are_what_lists_say() -> None:
    data = people(7)
    for train, test in (pn.splits.leave_last_out(data), pn.splits.temporal(data, test="3d")):
        model = pn.ALS(factors=8, iterations=5).fit(train)
        report = pn.evaluate(model, test, ["recall@7", "hit_rate@7"])
        want = by_hand(model, test, items_by_subject(train), 7)
        assert values_by_subject(report, "recall@7") == pytest.approx(want)
        if test.num_events == test.num_subjects:  # one each: they are the same
            assert report["recall@7"].value == report["hit_rate@7"].value


def test_a_scan_of_vectors_changes_no_bit() -> None:
    # Enough items that inner products are scanned; the table of their scores is not.
    rng = np.random.default_rng(2)
    pairs = np.unique(rng.integers(0, 90 * 1500, 6000))
    train = pn.Dataset.from_interactions(pairs // 1500, pairs % 1500)
    more = np.unique(rng.integers(0, 90 * 1500, 3000))
    test = pn.Dataset.from_interactions(more // 1500, more % 1500)
    als = pn.ALS(factors=12, iterations=3).fit(train)
    scorer = als._scorer(train.subject_ids, exclude_seen=True)
    table = ScoreTable(train, np.stack([scorer.scores(r) for r in range(train.num_subjects)]))
    for exclude_seen in (True, False):
        fast = pn.evaluate(als, test, METRICS, exclude_seen=exclude_seen)
        slow = pn.evaluate(table, test, METRICS, exclude_seen=exclude_seen)
        for metric in METRICS:
            np.testing.assert_array_equal(fast.subject_values[metric], slow.subject_values[metric])
            assert fast[metric].value == slow[metric].value
    everyone = als.recommend(train.subject_ids, k=20)
    for subject in train.subject_ids[::9]:
        one = als.recommend(subject, k=20)
        part = everyone[everyone["subject"] == subject]
        assert part["item"].tolist() == one["item"].tolist()
        assert part["score"].tolist() == one["score"].tolist()
        row = train.subject_ids.tolist().index(subject)
        scores = scorer.scores(row)
        scores[train.to_csr("binary")[row].indices] = -np.inf
        order = np.lexsort((np.arange(len(scores)), -scores))[:20]
        assert one["item"].tolist() == train.item_ids[order].tolist()
        assert one["score"].tolist() == scores[order].tolist()
        # Only some items, and not those in the basket.
        some = train.item_ids[::3].tolist()
        within = als.recommend(subject, k=9, candidates=some)["item"].tolist()
        assert within == [i for i in train.item_ids[np.argsort(-scores, kind="stable")]
                          if i in set(some)][:9]  # fmt: skip
        basket = {"basket": one["item"].head(2).tolist()}
        fresh = als.recommend(subject, k=20, context=basket)["item"].tolist()
        assert not set(fresh) & set(basket["basket"])


def test_progress_is_told_and_ctrl_c_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    from penchant import _progress

    world = World(3, subjects=600)
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(
        _progress.Progress, "__call__", lambda _, done, total: calls.append((done, total))
    )
    report = pn.evaluate(world.model(), world.test, ["map@5"], threads=1)
    total = report.protocol.evaluated
    assert calls[-1] == (total, total)
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})
    assert len(calls) > 1

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_progress.Progress, "__call__", stop)
    with pytest.raises(KeyboardInterrupt):
        pn.evaluate(world.model(), world.test, ["map@5"])
