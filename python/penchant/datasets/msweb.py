"""Anonymous Microsoft Web Data: which areas of a web site 37,711 visitors saw in one week of 1998.

Implicit, binary, without time stamps: the event frame has no time column, and its role for
``Dataset.from_events`` is None. The published split into training and test visitors is kept in the
column ``split``.
"""

from __future__ import annotations

import csv
import io

import pyarrow as pa

from penchant.datasets._files import File, Location, fetch_files
from penchant.datasets._info import Info, Spec
from penchant.errors import BadDataError

__all__ = ["SPEC"]

_URL = (
    "https://raw.githubusercontent.com/mhahsler/recommenderlab/"
    "c737fca94bc58652e750b03a3737ac7d9952f71b/Work/data/MSWeb/"
)
_TRAIN = File(
    "anonymous-msweb.data.gz",
    "10f092981e89f80c09dab2b074a9111316cfeb80723d7d872798273a835b7976",
    _URL + "anonymous-msweb.data",
    "60fd5f438a55d2105ca0ff4142e748e2146486bde84c96d55dc98b37a8139cbd",
)
_TEST = File(
    "anonymous-msweb.test.gz",
    "df461d364377d6279781113574b6fcc13b13a9e8848ee832d730fa663508eb3a",
    _URL + "anonymous-msweb.test",
    "db0a902a744ac488a0a6817a5df871f2341df083b6ab8ee1a046a69c635e7241",
)
_FILES = (_TRAIN, _TEST)


def _visits(text: str) -> tuple[list[int], list[int]]:
    """Visitors and areas of a DST file: ``C`` lines open a visitor, ``V`` lines are its visits."""
    users: list[int] = []
    areas: list[int] = []
    user: int | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        kind, _, rest = line.partition(",")
        if kind == "C":
            user = int(rest.rpartition(",")[2])
        elif kind == "V":
            if user is None:
                raise BadDataError(f"line {number}: a visit before any visitor")
            users.append(user)
            areas.append(int(rest.partition(",")[0]))
    return users, areas


def _raw(place: Location) -> pa.Table:
    parts = []
    for split, file in (("train", _TRAIN), ("test", _TEST)):
        users, areas = _visits(place.read(file).decode("latin-1"))
        parts.append(
            pa.table(
                {
                    "user_id": pa.array(users, pa.int64()),
                    "vroot_id": pa.array(areas, pa.int64()),
                    "split": pa.array([split] * len(users), pa.string()),
                }
            )
        )
    return pa.concat_tables(parts).combine_chunks()


def _events(place: Location) -> pa.Table:
    raw = _raw(place)
    # The two files number their visitors independently from 10001 on: the same number in both is
    # not the same person, so the split is part of the id.
    prefix = {"train": "", "test": "t"}
    users = [
        prefix[split] + str(user)
        for user, split in zip(raw["user_id"].to_pylist(), raw["split"].to_pylist(), strict=True)
    ]
    return pa.table(
        {
            "user": pa.array(users, pa.string()),
            "area": raw["vroot_id"],
            "event": pa.array(["page_view"] * raw.num_rows, pa.string()),
            "split": raw["split"],
        }
    )


def _areas(place: Location) -> pa.Table:
    text = place.read(_TRAIN).decode("latin-1")
    rows = [row for row in csv.reader(io.StringIO(text)) if row and row[0] == "A"]
    rows.sort(key=lambda row: int(row[1]))
    return pa.table(
        {
            "area": pa.array([int(row[1]) for row in rows], pa.int64()),
            "title": pa.array([row[3] for row in rows], pa.string()),
            "url": pa.array([row[4] for row in rows], pa.string()),
        }
    )


SPEC = Spec(
    info=Info(
        name="msweb",
        title="Anonymous Microsoft Web Data",
        licence="CC BY 4.0, as the UCI Machine Learning Repository lists it",
        citation="J. S. Breese, D. Heckerman and C. M. Kadie (1998). Anonymous Microsoft Web "
        "Data. UCI Machine Learning Repository. DOI 10.24432/C5VS3Q.",
        url="https://github.com/mhahsler/recommenderlab/tree/"
        "c737fca94bc58652e750b03a3737ac7d9952f71b/Work/data/MSWeb",
        facts={
            "train_users": 32_711,
            "train_visits": 98_654,
            "test_users": 5_000,
            "test_visits": 15_191,
            "areas": 294,
            "areas_visited_in_train": 285,
        },
        roles={"subject": "user", "item": "area", "time": None, "type": "event"},
        tables=("events", "areas"),
    ),
    files=_FILES,
    tables={"raw": _raw, "events": _events, "areas": _areas},
    fetch=lambda cache, progress: fetch_files(_FILES, cache, progress),
    cached=tuple(file.unpacked_name for file in _FILES),
)
