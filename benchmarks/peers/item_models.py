"""Item-item models and their blend against public libraries, new items only, on four splits.

    .venv/bin/python benchmarks/peers/item_models.py [--splits online_retail ...]

Splits: Online Retail by time (the last 28 days) and 80/20 at random within each customer;
MovieLens-small (ratings of 4 and more) and MSWeb 80/20 at random. The full catalogue is ranked,
what is in train masked. Every model, ours and theirs, takes the setting with the best NDCG@20 on a
validation part of train (cut off in the way that the test is) and is fitted again on all of train;
the test decides nothing. Prints a table a split and writes `benchmarks/results/item_models.json`.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import environments
import numpy as np
import protocol
from judge import interval, judge

import penchant as pn

RESULTS = environments.ROOT / "benchmarks" / "results" / "item_models.json"
METRICS = ("ndcg@20", "recall@20")
Maker = Callable[..., Any]


# -- data ------------------------------------------------------------------------------------------


def online_retail() -> pn.Dataset:
    from online_retail import read_lines

    lines, _, _, _ = read_lines()
    return pn.Dataset.from_events(lines, subject="customer", item="sku", time="ts", type="event")


def movielens() -> pn.Dataset:
    ratings = pn.datasets.load("movielens_latest_small")
    columns = {"subject": "user", "item": "movie", "time": "ts"}
    return pn.Dataset.from_events(ratings[ratings["rating"] >= 4], **columns)


def msweb() -> pn.Dataset:
    return pn.Dataset.from_events(pn.datasets.load("msweb"), subject="user", item="area", time=None)


def by_time(data: pn.Dataset, seed: int) -> tuple[pn.Dataset, pn.Dataset]:  # noqa: ARG001
    return pn.splits.temporal(data, "28d")


def at_random(data: pn.Dataset, seed: int) -> tuple[pn.Dataset, pn.Dataset]:
    return pn.splits.random(data, 0.2, seed=seed)


# name: data, how it is cut, whether recency means anything
SPLITS: dict[str, tuple[Callable[[], pn.Dataset], Any, bool]] = {
    "online_retail": (online_retail, by_time, True),
    "online_retail_random": (online_retail, at_random, False),
    "movielens_small": (movielens, at_random, False),
    "msweb": (msweb, at_random, False),
}
SEED_TEST, SEED_VALID = 1, 2


def window(train: pn.Dataset, test: pn.Dataset) -> protocol.Window:
    """Return the split as the arrays that every library is given."""
    pairs = train._core.interactions()
    ages = np.zeros(pairs.nnz)
    if train._core.last_time is not None:
        ages = (train._core.last_time - np.asarray(pairs.last)) / (86_400 * 1e6)
    counted = test._core.interactions()
    row = np.repeat(np.arange(test.num_subjects), np.diff(counted.offsets))
    subject = np.asarray(train._core.subjects.find_all(test.subject_ids))[row]
    item = np.asarray(train._core.items.find_all(test.item_ids))[np.asarray(counted.items)]
    known = (subject >= 0) & (item >= 0)
    asked, truth_row = np.unique(subject[known], return_inverse=True)
    return protocol.Window(
        np.repeat(np.arange(train.num_subjects), np.diff(pairs.offsets)).astype(np.int32),
        np.asarray(pairs.items).astype(np.int32),
        np.asarray(pairs.counts).astype(np.float64),
        ages,
        np.int64(train.num_subjects),
        np.int64(train.num_items),
        asked.astype(np.int32),
        truth_row.astype(np.int32),
        item[known].astype(np.int32),
    )


# -- models ----------------------------------------------------------------------------------------


def grid(make: Maker, **choices: list[Any]) -> list[Any]:
    return [
        make(**dict(zip(choices, values, strict=True)))
        for values in itertools.product(*choices.values())
    ]


def candidates(recency: bool) -> Iterator[tuple[str, list[Any]]]:
    """Our models, each with the settings that the validation part chooses from."""
    weighting = {"weighting": "binary", "half_life": "60d" if recency else None}

    def made(kind: Maker) -> Maker:
        return lambda **parameters: kind(**parameters, **weighting)

    yield "Popular", [pn.Popular(window="28d") if recency else pn.Popular()]
    yield (
        "ItemKNN",
        grid(made(pn.ItemKNN), similarity=["bm25", "tfidf"], neighbors=[100, 500], b=[0.5]),
    )
    yield (
        "ALS",
        [
            *grid(made(pn.ALS), factors=[64, 128], alpha=[3.0, 10.0], regularization=[10.0, 50.0]),
            *grid(
                made(pn.ALS),
                factors=[64, 128],
                alpha=[0.0],
                unobserved_weight=[0.05, 0.2],
                regularization=[0.003, 0.01, 0.03],
                regularization_exponent=[1.0],
            ),
        ],
    )
    yield (
        "EASE",
        [
            *grid(made(pn.EASE), regularization=[50.0, 100.0, 200.0, 400.0]),
            *grid(made(pn.EASE), regularization=[10.0, 30.0, 100.0], user_exponent=[0.5]),
        ],
    )
    yield (
        "LocalRidge",
        grid(made(pn.LocalRidge), neighbors=[200, 400], regularization=[3.0, 10.0, 30.0]),
    )
    yield (
        "GraphFilter",
        [
            *grid(
                made(pn.GraphFilter),
                low_pass_weight=[0.0, 0.3],
                user_exponent=[0.5, 1.0],
                target_exponent=[0.3, 0.5],
                sharpen=[0.0, 0.5, 1.0],
            ),
            *grid(made(pn.GraphFilter), low_pass_weight=[0.0], target_exponent=[0.1]),
        ],
    )
    yield "SLIM", grid(made(pn.SLIM), l1=[1.0, 3.0], l2=[30.0, 100.0])


def copy_of(model: Any) -> Any:
    return type(model)(**model.get_params())


def chosen(models: list[Any], fit: pn.Dataset, valid: pn.Dataset) -> Any:
    """Return an unfitted copy of the setting that does best on the validation part."""
    if len(models) == 1:
        return copy_of(models[0])
    reached = [
        pn.evaluate(model.fit(fit, progress=False), valid, ["ndcg@20"])["ndcg@20"].value
        for model in models
    ]
    return copy_of(models[int(np.argmax(reached))])


BLENDED = ("ALS", "ItemKNN", "EASE", "LocalRidge", "GraphFilter")


def ours(
    train: pn.Dataset, test: pn.Dataset, fit: pn.Dataset, valid: pn.Dataset, recency: bool
) -> Iterator[tuple[dict[str, Any], dict[str, np.ndarray], np.ndarray]]:
    best: dict[str, Any] = {}
    rows = list(candidates(recency))
    for name, settings in [*rows, ("Blend", [])]:
        if name == "Blend":
            members = [best[member] for member in BLENDED]
            # By time, weights are chosen on the end of the log, as everything else is there.
            model = pn.Blend(members, valid="28d" if recency else 0.2)
        else:
            model = best[name] = chosen(settings, fit, valid)
        model = copy_of(model)
        started = time.perf_counter()
        model.fit(train, progress=False)
        seconds = time.perf_counter() - started
        report = pn.evaluate(model, test, METRICS)
        row = {
            "library": "penchant",
            "model": name,
            "version": pn.__version__,
            "settings": repr(model),
            "settings_tried": max(1, len(settings)),
            "fit_seconds": round(seconds, 2),
        }
        if name == "Blend":
            row["weights"] = dict(zip(BLENDED, model.weights_, strict=True))
        print(f"  penchant {model}: {seconds:.1f} s", flush=True)
        yield row, dict(report.subject_values), np.asarray(report.subject_ids)


def peers(
    name: str, valid: protocol.Window, test: protocol.Window, libraries: list[str]
) -> list[dict[str, Any]]:
    """Run the libraries, or take their scores from the last run when nothing they saw changed."""
    folder = environments.HOME / "scores" / name
    folder.mkdir(parents=True, exist_ok=True)
    task = folder / "task.npz"
    protocol.save(task, valid=valid, test=test)
    scripts = ("item_models_side.py", "peer_models.py", "protocol.py")
    sources = [Path(__file__).parent / script for script in scripts]
    state = b"".join([*(source.read_bytes() for source in sources), protocol.digest(valid, test)])
    rows = []
    for library in libraries:
        pins = "\n".join(environments.sections()[library]).encode()
        index = folder / f"{library}-{hashlib.sha256(state + pins).hexdigest()[:16]}.json"
        if not index.exists():
            print(f"running {library}", flush=True)
            environments.run(library, "item_models_side.py", library, task, folder, index)
        rows += json.loads(index.read_text())
    return rows


def run(name: str, libraries: list[str], *, peers_only: bool) -> dict[str, Any]:
    load, cut, recency = SPLITS[name]
    train, test = cut(load(), SEED_TEST)
    fit, valid = cut(train, SEED_VALID)
    whole, part = window(train, test), window(fit, valid)
    seen, truth = whole.seen(), whole.truth()
    people = (truth & ~seen).any(axis=1)
    print(f"{name}: {train.num_subjects} x {train.num_items}, {people.sum()} asked", flush=True)
    theirs = peers(name, part, whole, libraries)
    if peers_only:
        return {}
    rows = []
    values: dict[str, dict[str, np.ndarray]] = {}
    ids = np.asarray(train.subject_ids)[whole.asked]
    for row, found, who in ours(train, test, fit, valid, recency):
        at = {subject: place for place, subject in enumerate(ids.tolist())}
        places = [at[subject] for subject in who.tolist()]
        columns = {}
        for metric in METRICS:
            columns[metric] = np.full(len(ids), np.nan)
            columns[metric][places] = found[metric]
        rows.append(row)
        values[f"penchant {row['model']}"] = columns
    for row in theirs:
        scores = np.load(row.pop("file"))
        judged = judge(scores, seen, truth, repeats=False, with_auc=False)
        rows.append(row)
        values[f"{row['library']} {row['model']}"] = {m: judged[m] for m in METRICS}
    for row in rows:
        columns = values[f"{row['library']} {row['model']}"]
        row["metrics"] = {m: [round(x, 5) for x in interval(columns[m])] for m in METRICS}
    rows.sort(key=lambda row: -row["metrics"]["ndcg@20"][0])
    others = [row for row in rows if row["model"] != "Blend"]
    rival = f"{others[0]['library']} {others[0]['model']}"
    lead = {
        m: [round(x, 5) for x in interval(values["penchant Blend"][m] - values[rival][m])]
        for m in METRICS
    }
    return {
        "subjects": train.num_subjects,
        "items": train.num_items,
        "train_pairs": int(train._core.interactions().nnz),
        "asked": int(people.sum()),
        "rows": rows,
        "blend_less": {"other": rival, "difference": lead},
    }


def show(name: str, split: dict[str, Any]) -> str:
    lines = [
        f"\n{name}: {split['subjects']:,} x {split['items']:,}, {split['train_pairs']:,} pairs in "
        f"train, {split['asked']:,} people asked\n",
        "| | NDCG@20 | recall@20 | fit, s |",
        "|---|---|---|---|",
    ]
    for row in split["rows"]:
        cells = " | ".join(
            f"{_short(mean)} [{_short(low)}, {_short(high)}]"
            for mean, low, high in (row["metrics"][m] for m in METRICS)
        )
        title = f"{row['library']} {row['model']}"
        title = f"**{title}**" if row["library"] == "penchant" else title
        lines.append(f"| {title} | {cells} | {row['fit_seconds']} |")
    lead = ", ".join(
        f"{m} {mean:+.4f} [{low:+.4f}, {high:+.4f}]"
        for m, (mean, low, high) in split["blend_less"]["difference"].items()
    )
    return "\n".join([*lines, f"\nBlend less {split['blend_less']['other']}: {lead}"])


def _short(value: float) -> str:
    return f"{value:.4f}".lstrip("0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--splits", nargs="*", default=list(SPLITS), choices=list(SPLITS))
    parser.add_argument("--libraries", nargs="*", default=["implicit", "irspack"])
    parser.add_argument("--peers-only", action="store_true", help="keep their scores for later")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    # Splits that are not asked for keep what the last run found.
    kept = json.loads(options.output.read_text()) if options.output.exists() else {"splits": {}}
    for name in options.splits:
        found = run(name, options.libraries, peers_only=options.peers_only)
        if options.peers_only:
            continue
        kept["splits"][name] = found
        print(show(name, kept["splits"][name]), flush=True)
        kept["machine"] = environments.machine()
        kept["date"] = time.strftime("%Y-%m-%d")
        kept["interval"] = "95 %, percentile bootstrap over subjects, 1,000 resamples"
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(kept, indent=1) + "\n")
        print(f"\nwritten: {options.output}")


if __name__ == "__main__":
    main()
