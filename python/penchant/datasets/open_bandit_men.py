"""Open Bandit, campaign "men", sample: what two policies showed on a fashion shop's page.

One log is of a policy that shows any of 34 items alike, the other of Bernoulli Thompson sampling;
they ran side by side. Each row is one position of a page with the chance that its policy gave to
the item shown there, so that what one policy would have earned can be estimated from the other's
log and compared with what it did earn. Hashes of features are salted by log: they can't be
compared between the two.
"""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from penchant.datasets._files import File, Location, fetch_files
from penchant.datasets._info import Info, Spec

__all__ = ["SPEC"]

_COMMIT = "8cbd5fa4558b7ad2ba4781546d6604e4cc3e07c4"
_URL = f"https://raw.githubusercontent.com/st-tech/zr-obp/{_COMMIT}/obd/"
_LOGS = {
    "random": File(
        "random_men.csv.gz",
        "d466c14a04489f126b17f1daad32c2cc7b803f20855bb028a3ab966ba27cb73d",
        _URL + "random/men/men.csv",
        "ede6d08c6877f99cd3770f7d09e26c738e6aa6de4445ccccfb1356ba5d06b1eb",
    ),
    "bts": File(
        "bts_men.csv.gz",
        "ab0d55dcd50a99ba519854042ef01b5ac94c6747f417b7b3b66f0387c4fe6bda",
        _URL + "bts/men/men.csv",
        "db6d1f7ed2d591ba521533e45286d4c1fba7fe57a8ad2e80342210335f43c527",
    ),
}
_CONTEXTS = {
    "random": File(
        "item_context_random.csv",
        "6d855c2b7e917d0448d71bbe62c023147495882c0fdc8c41e86fef86abf9fe09",
        _URL + "random/men/item_context.csv",
        "6d855c2b7e917d0448d71bbe62c023147495882c0fdc8c41e86fef86abf9fe09",
    ),
    "bts": File(
        "item_context_bts.csv",
        "3b411ed6b0471316321a6b93f4f756bb25888eac6218cd71d0b603d41d85732d",
        _URL + "bts/men/item_context.csv",
        "3b411ed6b0471316321a6b93f4f756bb25888eac6218cd71d0b603d41d85732d",
    ),
}
_FILES = (*_LOGS.values(), *_CONTEXTS.values())
_ITEMS = 34


def _log(place: Location, policy: str) -> pa.Table:
    """One log with its published columns, but for the row number, and its policy's name."""
    types = {"timestamp": pa.string()}
    options = pa.csv.ConvertOptions(column_types=types)
    frame = pa.csv.read_csv(io.BytesIO(place.read(_LOGS[policy])), convert_options=options)
    frame = frame.drop_columns([frame.column_names[0]])
    policies = pa.array([policy] * frame.num_rows, pa.string())
    return frame.add_column(0, "policy", policies)


def _raw(place: Location) -> pa.Table:
    return pa.concat_tables([_log(place, policy) for policy in _LOGS]).combine_chunks()


def _events(place: Location) -> pa.Table:
    raw = _raw(place)
    # Written as 2019-11-24 00:01:03.979311+00:00, and without the fraction where it is zero.
    times = pc.replace_substring(raw["timestamp"], "+00:00", "")
    affinities = [raw[f"user-item_affinity_{i}"].combine_chunks() for i in range(_ITEMS)]
    columns = {
        "policy": raw["policy"],
        "ts": times.cast(pa.timestamp("ns")),
        "item": raw["item_id"],
        "position": raw["position"],
        "click": raw["click"],
        "propensity": raw["propensity_score"],
        **{f"user_feature_{i}": raw[f"user_feature_{i}"] for i in range(4)},
        **{f"affinity_{i}": column for i, column in enumerate(affinities)},
    }
    return pa.table(columns)


def _items(place: Location) -> pa.Table:
    parts = []
    for policy, file in _CONTEXTS.items():
        frame = pa.csv.read_csv(io.BytesIO(place.read(file)))
        wanted = ["item_id", *(f"item_feature_{i}" for i in range(4))]
        frame = frame.select(wanted).rename_columns(["item", *wanted[1:]])
        policies = pa.array([policy] * frame.num_rows, pa.string())
        parts.append(frame.add_column(0, "policy", policies))
    return pa.concat_tables(parts).combine_chunks()


SPEC = Spec(
    info=Info(
        name="open_bandit_men",
        title='Open Bandit Dataset, campaign "men", sample of 10,000 rows a log',
        licence="CC BY 4.0, as the paper says of the data; the repository that ships the sample is "
        "under Apache-2.0",
        citation="Y. Saito, S. Aihara, M. Matsutani and Y. Narita (2021). Open Bandit Dataset and "
        "Pipeline: Towards Realistic and Reproducible Off-Policy Evaluation. NeurIPS Datasets and "
        "Benchmarks. arXiv:2008.07146.",
        url=f"https://github.com/st-tech/zr-obp/tree/{_COMMIT}/obd",
        facts={
            "random_rows": 10_000,
            "random_clicks": 46,
            "bts_rows": 10_000,
            "bts_clicks": 69,
            "items": _ITEMS,
            "positions": 3,
        },
        roles={"subject": None, "item": "item", "time": "ts"},
        tables=("events", "items"),
    ),
    files=_FILES,
    tables={"raw": _raw, "events": _events, "items": _items},
    fetch=lambda cache, progress: fetch_files(_FILES, cache, progress),
    cached=tuple(file.unpacked_name for file in _FILES),
)
