"""Penchant's rows of the Online Retail tables: the default funnel, and its sources one by one.

Everything is judged through `pn.evaluate`; for ALS the lists that `recommend` returns are judged by
the benchmark's own judge as well, and the two must agree.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import protocol
from judge import judge

METRICS = ("map@10", "ndcg@20", "recall@20", "auc")


def models() -> Iterator[tuple[str, Any]]:
    """The settings of ALS and bm25 are those that implicit's side chooses on the validation window.

    Only b = 0.5 of bm25 is ours: implicit has .75, and on the validation window .5 is better.
    """
    import penchant as pn

    recent = {"weighting": "capped", "half_life": "60d"}
    yield "funnel", pn.Pipeline()
    yield "RepeatPurchase", pn.RepeatPurchase()
    yield (
        "ALS, recency-weighted",
        pn.ALS(factors=64, alpha=10.0, regularization=50.0, **recent),
    )
    yield "ALS", pn.ALS(factors=128, alpha=3.0, regularization=50.0, weighting="binary")
    yield (
        "ItemKNN bm25, recency-weighted",
        pn.ItemKNN("bm25", neighbors=500, b=0.5, **recent),
    )
    yield "ItemKNN bm25", pn.ItemKNN("bm25", neighbors=500, weighting="binary")
    yield "Popular, 28 days", pn.Popular(window="28d")


def run(
    lines: Any, window: protocol.Window
) -> Iterator[tuple[dict[str, Any], dict[str, dict[str, np.ndarray]]]]:
    import penchant as pn

    train_lines, test_lines = pn.datasets.online_retail.benchmark_split(lines)
    columns = {"subject": "customer", "item": "sku", "time": "ts", "type": "event"}
    train = pn.Dataset.from_events(train_lines, **columns)
    test = pn.Dataset.from_events(test_lines, **columns)
    ids = np.asarray(train.subject_ids)[window.asked]
    for name, model in models():
        started = time.perf_counter()
        model.fit(train, progress=False)
        seconds = time.perf_counter() - started
        values = {
            table: evaluate(pn, model, test, ids, repeats=table == "repeats")
            for table in ("repeats", "new")
        }
        if name.startswith("ALS"):
            cross_check(model, train, window, ids, values)
        row = {
            "library": "penchant",
            "model": name,
            "version": pn.__version__,
            "settings": {k: v for k, v in model.get_params().items() if k != "sources"},
            "fit_seconds": round(seconds, 2),
        }
        row["settings"] = {k: repr(v) for k, v in row["settings"].items()}
        print(f"  penchant {name}: fitted in {seconds:.1f} s", flush=True)
        yield row, values


def evaluate(
    pn: Any, model: Any, test: Any, ids: np.ndarray, *, repeats: bool
) -> dict[str, np.ndarray]:
    """Metrics a subject in the order of `ids`, NaN where there is nothing to find."""
    against = {"auc": "all", "auc_unseen": "unseen"} if repeats else {"auc": "unseen"}
    out: dict[str, np.ndarray] = {}
    for name, auc_against in against.items():
        report = pn.evaluate(
            model,
            test,
            metrics=METRICS if name == "auc" else ["auc"],
            exclude_seen=not repeats,
            auc_against=auc_against,
        )
        row = {subject: at for at, subject in enumerate(ids.tolist())}
        places = [row[subject] for subject in np.asarray(report.subject_ids).tolist()]
        for metric in METRICS if name == "auc" else ["auc"]:
            column = np.full(len(ids), np.nan)
            column[places] = report.subject_values[metric]
            out[name if metric == "auc" else metric] = column
    out.setdefault("auc_unseen", out["auc"])
    return out


def cross_check(
    model: Any,
    train: Any,
    window: protocol.Window,
    ids: np.ndarray,
    values: dict[str, dict[str, np.ndarray]],
) -> None:
    """Judge the lists of `recommend` apart from Penchant; they must come to the same metrics."""
    column = {item: at for at, item in enumerate(np.asarray(train.item_ids).tolist())}
    row = {subject: at for at, subject in enumerate(ids.tolist())}
    for table in ("repeats", "new"):
        lists = model.recommend(ids.tolist(), k=20, exclude_seen=table == "new")
        scores = np.zeros((len(ids), int(window.num_items)))
        rows = [row[subject] for subject in lists["subject"].tolist()]
        columns = [column[item] for item in lists["item"].tolist()]
        scores[rows, columns] = 1000.0 - lists["rank"].to_numpy()
        apart = judge(
            scores, window.seen(), window.truth(), repeats=table == "repeats", with_auc=False
        )
        for metric in ("map@10", "ndcg@20", "recall@20"):
            np.testing.assert_allclose(
                np.nan_to_num(apart[metric], nan=-1.0),
                np.nan_to_num(values[table][metric], nan=-1.0),
                atol=1e-9,
                err_msg=f"pn.evaluate and the judge differ on {metric}, {table}",
            )
