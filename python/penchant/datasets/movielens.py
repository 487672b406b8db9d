"""MovieLens latest-small (the edition of October 2016): 100,004 ratings of films by 671 people."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from penchant.datasets._files import File, Location, fetch_files
from penchant.datasets._info import Info, Spec

__all__ = ["SPEC"]

_URL = (
    "https://raw.githubusercontent.com/lenskit/lkpy/"
    "34c8e0122b48e67df886fec3e8d8183ef2d91943/data/ml-latest-small/"
)
_RATINGS = File(
    "ratings.csv.gz",
    "b722091bcee4c02bbb2e4a5af4647fb9ee740a1b7fea5dad3252bc1b7ef7b5a3",
    _URL + "ratings.csv",
    "b4239649fbf90ebf405c56c3ae1d929d9e7c86fc1a3a80cbef1c884df593ef73",
)
_MOVIES = File(
    "movies.csv.gz",
    "3746e8385723ce48753a59b28da111a6ef1c499bc27d2b54ad5bdcf795d7644f",
    _URL + "movies.csv",
    "43d1736d3c688eb5b7856473c36d86a1c345676cab256c91720c1f6984d263b5",
)
_LINKS = File(
    "links.csv.gz",
    "808964a846b5b2ec96d6c8c693e72548c8ab31dd051050928b8fb7a73ec816bc",
    _URL + "links.csv",
    "43a1bd034acb25dc59149eee2999f5e6817113e334853fbe6e36998972b10706",
)
_TAGS = File(
    "tags.csv.gz",
    "748bb42addd1009fcbc61cb37c2677ff4e7faa14e8e6fdffe5880d1ea15da64a",
    _URL + "tags.csv",
    "ba8789ec2e7894bcb29a1762b2f9fb34bad7f288be6b4d8388e86af2138d430e",
)
_FILES = (_RATINGS, _MOVIES, _LINKS, _TAGS)


def _csv(place: Location, file: File) -> pa.Table:
    # imdbId is a code with leading zeros, not a number.
    types = pa.csv.ConvertOptions(column_types={"imdbId": pa.string()})
    return pa.csv.read_csv(io.BytesIO(place.read(file)), convert_options=types)


def _seconds(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.timestamp("s")).cast(pa.timestamp("ns"))


def _events(place: Location) -> pa.Table:
    ratings = _csv(place, _RATINGS)
    return pa.table(
        {
            "user": ratings["userId"],
            "movie": ratings["movieId"],
            "ts": _seconds(ratings["timestamp"]),
            "event": pa.array(["rating"] * ratings.num_rows, pa.string()),
            "rating": ratings["rating"],
        }
    )


def _movies(place: Location) -> pa.Table:
    movies = _csv(place, _MOVIES)
    genres = movies["genres"]
    listed = pc.if_else(pc.equal(genres, "(no genres listed)"), None, genres)
    return pa.table({"movie": movies["movieId"], "title": movies["title"], "genres": listed})


def _titled(place: Location) -> pa.Table:
    events, movies = _events(place), _movies(place)
    row = pc.index_in(events["movie"], value_set=movies["movie"])
    return events.append_column("title", movies["title"].take(row)).append_column(
        "genres", movies["genres"].take(row)
    )


def _tags(place: Location) -> pa.Table:
    tags = _csv(place, _TAGS)
    return pa.table(
        {
            "user": tags["userId"],
            "movie": tags["movieId"],
            "tag": tags["tag"],
            "ts": _seconds(tags["timestamp"]),
        }
    )


SPEC = Spec(
    info=Info(
        name="movielens_latest_small",
        title="MovieLens latest-small (2016-10-17)",
        licence="MovieLens usage licence: research use; redistribution, transformed or not, only "
        "under these same conditions; acknowledge GroupLens; no commercial or revenue-bearing "
        "use without permission; no endorsement claimed",
        citation="F. M. Harper and J. A. Konstan (2015). The MovieLens Datasets: History and "
        "Context. ACM Transactions on Interactive Intelligent Systems 5(4), 19.",
        url="https://github.com/lenskit/lkpy/tree/34c8e0122b48e67df886fec3e8d8183ef2d91943/"
        "data/ml-latest-small",
        facts={
            "ratings": 100_004,
            "users": 671,
            "rated_movies": 9_066,
            "listed_movies": 9_125,
            "tags": 1_296,
        },
        roles={
            "subject": "user",
            "item": "movie",
            "time": "ts",
            "type": "event",
            "value": "rating",
        },
        tables=("events", "titled", "movies", "tags", "links"),
    ),
    files=_FILES,
    tables={
        "raw": lambda place: _csv(place, _RATINGS),
        "events": _events,
        "titled": _titled,
        "movies": _movies,
        "tags": _tags,
        "links": lambda place: _csv(place, _LINKS),
    },
    fetch=lambda cache, progress: fetch_files(_FILES, cache, progress),
    cached=tuple(file.unpacked_name for file in _FILES),
)
