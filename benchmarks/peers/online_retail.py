"""Quality on Online Retail: Penchant and public libraries on one protocol, by one judge.

    .venv/bin/python benchmarks/peers/online_retail.py

Prints two tables, with and without repeat purchases, and writes them with every setting to
`benchmarks/results/online_retail.json`. The libraries are installed in environments of their own
below build/peers, and their scores kept there: a second run asks only Penchant again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import environments
import numpy as np
import protocol
from judge import METRICS, interval, judge

RESULTS = environments.ROOT / "benchmarks" / "results" / "online_retail.json"
TABLES = {"repeats": "repeats allowed", "new": "new items only (bought ones masked)"}
SHOWN = ("map@10", "ndcg@20", "recall@20", "auc")
# What the protocol must come to before any figure on it means something.
EXPECTED = {
    "subjects": 4108,
    "items": 3625,
    "train pairs": 234_963,
    "test subjects": 1300,
    "test pairs": 41_840,
    "repeats": 18_330,
    "new-only subjects": 1189,
    "new pairs": 23_510,
}


def read_lines() -> tuple[Any, np.ndarray, np.ndarray, np.ndarray]:
    from penchant import datasets

    lines = datasets.online_retail.benchmark_lines(datasets.load("online_retail", raw=True))
    return (
        lines,
        lines["customer"].to_numpy(dtype=np.int64),
        lines["sku"].to_numpy(dtype="U12"),
        lines["ts"].to_numpy(dtype="datetime64[s]"),
    )


def check(window: protocol.Window) -> dict[str, int]:
    """Count the split, and refuse to go on when it isn't the benchmark's."""
    seen, truth = window.seen(), window.truth()
    new = truth & ~seen
    found = {
        "subjects": int(window.num_subjects),
        "items": int(window.num_items),
        "train pairs": len(window.subject),
        "test subjects": len(window.asked),
        "test pairs": int(truth.sum()),
        "repeats": int((truth & seen).sum()),
        "new-only subjects": int(new.any(axis=1).sum()),
        "new pairs": int(new.sum()),
    }
    if found != EXPECTED:
        raise SystemExit(f"the split is not the benchmark's: {found} instead of {EXPECTED}")
    return found


def baseline(window: protocol.Window) -> np.ndarray:
    """Own purchase count, then the number of customers that bought it in the last 28 days."""
    recent = np.bincount(window.item[window.last <= 28], minlength=int(window.num_items))
    own = window.matrix("count")[window.asked].toarray().astype(np.float64)
    return own + 0.5 * recent / recent.max()


def popularity(window: protocol.Window) -> np.ndarray:
    recent = np.bincount(window.item[window.last <= 28], minlength=int(window.num_items))
    return np.tile(recent.astype(np.float64), (len(window.asked), 1))


def peers(valid: protocol.Window, test: protocol.Window, libraries: list[str]) -> list[dict]:
    """Run the libraries, or take their scores from the last run when nothing they saw changed."""
    folder = environments.HOME / "scores"
    folder.mkdir(parents=True, exist_ok=True)
    task = folder / "task.npz"
    protocol.save(task, valid=valid, test=test)
    sources = [Path(__file__).parent / name for name in ("peer_models.py", "protocol.py")]
    state = b"".join([*(source.read_bytes() for source in sources), protocol.digest(valid, test)])
    rows = []
    for library in libraries:
        pins = "\n".join(environments.sections()[library]).encode()
        index = folder / f"{library}-{hashlib.sha256(state + pins).hexdigest()[:16]}.json"
        if not index.exists():
            print(f"running {library}", flush=True)
            environments.run(library, "peer_models.py", library, task, folder, index)
        rows += json.loads(index.read_text())
    return rows


def judged(window: protocol.Window, scores: np.ndarray, table: str) -> dict[str, np.ndarray]:
    return judge(scores, window.seen(), window.truth(), repeats=table == "repeats")


def summarize(values: dict[str, np.ndarray]) -> dict[str, list[float]]:
    return {name: [round(x, 5) for x in interval(values[name])] for name in METRICS}


def show(rows: list[dict[str, Any]], table: str) -> str:
    kept = [row for row in rows if table in row["metrics"]]
    kept.sort(key=lambda row: -row["metrics"][table]["ndcg@20"][0])
    width = max(len(f"{row['library']} {row['model']}") for row in kept)
    heads = "".join(f"  {name:<17}" for name in SHOWN)
    lines = [TABLES[table], f"{'':<{width}}{heads}"]
    for row in kept:
        cells = "".join(
            f"  {_short(mean)} [{_short(low)}, {_short(high)}]"
            for mean, low, high in (row["metrics"][table][name] for name in SHOWN)
        )
        lines.append(f"{row['library'] + ' ' + row['model']:<{width}}{cells}")
    return "\n".join(lines)


def _short(value: float) -> str:
    return f"{value:.3f}".lstrip("0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--libraries", nargs="*", default=["implicit", "irspack", "rectools"])
    parser.add_argument("--without-penchant", action="store_true", help="only the public libraries")
    parser.add_argument("--without-peers", action="store_true", help="only Penchant and baselines")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()

    lines, subjects, items, times = read_lines()
    cut = np.datetime64("2011-11-12T00:00:00")
    test = protocol.make_window(subjects, items, times, cut)
    counts = check(test)
    early = times < cut
    valid = protocol.make_window(
        subjects[early], items[early], times[early], cut - np.timedelta64(28, "D")
    )
    rows: list[dict[str, Any]] = []
    per_subject: dict[tuple[str, str], dict[str, np.ndarray]] = {}

    def add(row: dict[str, Any], values: dict[str, dict[str, np.ndarray]]) -> None:
        row["metrics"] = {table: summarize(found) for table, found in values.items()}
        rows.append(row)
        for table, found in values.items():
            per_subject[table, f"{row['library']} {row['model']}"] = found

    for name, scores in (
        ("own purchase count, then 28-day popularity", baseline(test)),
        ("28-day popularity", popularity(test)),
    ):
        add({"library": "baseline", "model": name}, {t: judged(test, scores, t) for t in TABLES})
    if not options.without_penchant:
        import penchant_models

        for row, values in penchant_models.run(lines, test):
            add(row, values)
    if not options.without_peers:
        for row in peers(valid, test, options.libraries):
            files = row.pop("files")
            add(row, {t: judged(test, np.load(files[t]), t) for t in TABLES})

    for table in TABLES:
        print("\n" + show(rows, table))
    differences = lead(rows, per_subject)
    for line in differences:
        print(line["text"])
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(
        json.dumps(
            {
                "protocol": counts,
                "machine": environments.machine(),
                "date": time.strftime("%Y-%m-%d"),
                "interval": "95 %, percentile bootstrap over subjects, 1,000 resamples",
                "rows": rows,
                "lead": differences,
            },
            indent=1,
        )
        + "\n"
    )
    print(f"\nwritten: {options.output}")


def lead(
    rows: list[dict[str, Any]], per_subject: dict[tuple[str, str], dict[str, np.ndarray]]
) -> list[dict[str, Any]]:
    """Return the funnel's paired lead over the best of the others, a table at a time."""
    out = []
    for table in TABLES:
        ours = per_subject.get((table, "penchant funnel"))
        others = [
            f"{row['library']} {row['model']}" for row in rows if row["library"] != "penchant"
        ]
        if ours is None or not others:
            continue
        best = max(others, key=lambda name: np.nanmean(per_subject[table, name]["ndcg@20"]))
        found = {
            metric: interval(ours[metric] - per_subject[table, best][metric])
            for metric in ("map@10", "ndcg@20", "recall@20")
        }
        text = f"\n{TABLES[table]}: the funnel less {best}: " + ", ".join(
            f"{metric} {mean:+.3f} [{low:+.3f}, {high:+.3f}]"
            for metric, (mean, low, high) in found.items()
        )
        out.append({"table": table, "other": best, "difference": found, "text": text.strip()})
    return out


if __name__ == "__main__":
    main()
