"""Public data sets: counts, cleaning rules, checks by hash, and what happens without them."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant import datasets, errors
from penchant.datasets import _files, _online_retail_fetch, movielens, online_retail
from penchant.datasets._online_retail_match import match_cancellations


def needs(name: str) -> pytest.MarkDecorator:
    here = datasets.source(name) in ("folder", "cache")
    return pytest.mark.skipif(not here, reason=f"{name} is not on this machine (PENCHANT_DATA)")


@pytest.fixture(scope="module")
def published() -> pa.Table:
    """Read before a test turns the folders of data away."""
    return datasets.load("online_retail", raw=True, format="pyarrow")


def invoice_lines(rows: list[tuple[str, str, int, str, float, int | None]]) -> pd.DataFrame:
    """A small frame in the published columns."""
    frame = pd.DataFrame(
        rows,
        columns=["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"],
    )
    frame["Description"] = " NAME OF " + frame["StockCode"] + " "
    frame["Country"] = "France"
    frame["InvoiceDate"] = pd.to_datetime(frame["InvoiceDate"])
    frame["CustomerID"] = frame["CustomerID"].astype("Int64")
    return frame


# Online Retail: counts ---------------------------------------------------------------------------


@needs("online_retail")
def test_online_retail_is_the_published_file(published: pa.Table) -> None:
    lines = published.to_pandas()
    assert {
        "lines": len(lines),
        "invoices": lines["InvoiceNo"].nunique(),
        "customers": lines["CustomerID"].nunique(),
        "stock_codes": lines["StockCode"].nunique(),
        "countries": lines["Country"].nunique(),
        "lines_without_customer": lines["CustomerID"].isna().sum(),
        "lines_without_description": lines["Description"].isna().sum(),
        "cancelling_lines": lines["InvoiceNo"].str.startswith("C").sum(),
    } == dict(datasets.info("online_retail").facts)
    revenue = (lines["Quantity"] * lines["UnitPrice"]).sum()
    assert revenue == pytest.approx(9_747_747.93, abs=0.01)


@needs("online_retail")
def test_cleaning_counts_of_online_retail(published: pa.Table) -> None:
    events, report = online_retail.clean(published)
    assert report.to_dict() == {
        "lines": 541_909,
        "not_goods": 2_995,
        "adjustments": 1_324,
        "unpriced": 1_161,
        "cancellations": 8_704,
        "matched_cancellations": 2_835,
        "unmatched_cancellations": 5_704,
        "anonymous_cancellations": 165,
        "cancelled_purchases": 2_835,
        "purchases": 393_502,
        "anonymous_purchases": 131_388,
    }
    assert events.num_rows == report.purchases + report.anonymous_purchases
    assert events["customer"].null_count == report.anonymous_purchases
    known, _ = online_retail.clean(published, anonymous="drop")
    assert known.num_rows == report.purchases
    assert known["customer"].null_count == 0
    everything, same = online_retail.clean(published, returns="keep")
    assert same == report
    assert everything.num_rows == events.num_rows + 2 * report.matched_cancellations


@needs("online_retail")
def test_benchmark_lines_and_split_counts(published: pa.Table) -> None:
    lines = online_retail.benchmark_lines(published).to_pandas()
    assert len(lines) == 396_337
    train, test = (part for part in online_retail.benchmark_split(lines))
    pairs = set(zip(train["customer"], train["sku"], strict=True))
    asked = set(zip(test["customer"], test["sku"], strict=True))
    assert (train["customer"].nunique(), train["sku"].nunique(), len(pairs)) == (
        4_108,
        3_625,
        234_963,
    )
    assert (test["customer"].nunique(), len(asked), len(asked & pairs)) == (1_300, 41_840, 18_330)
    new = asked - pairs
    assert (len({customer for customer, _ in new}), len(new)) == (1_189, 23_510)
    assert train["ts"].max() < pd.Timestamp("2011-11-12") <= test["ts"].min()
    # Before products that train never saw are left out of the test:
    late = lines[lines["ts"] >= pd.Timestamp("2011-11-12")]
    late = late[late["customer"].isin(train["customer"])]
    assert late["customer"].nunique() == 1_301
    assert len(late[["customer", "sku"]].drop_duplicates()) == 42_243


@needs("online_retail")
def test_online_retail_event_frame() -> None:
    events = datasets.load("online_retail")
    assert list(events.columns) == [
        "customer", "sku", "ts", "event", "quantity", "price", "description", "invoice", "country",
    ]  # fmt: skip
    assert events["customer"].dtype == "Int64"
    assert events["ts"].dtype == "datetime64[ns]"
    assert events["ts"].is_monotonic_increasing
    assert set(events["event"]) == {"purchase"}
    assert (events["quantity"] > 0).all()
    assert (events["price"] > 0).all()
    assert events["sku"].str.fullmatch(r"\d{5}[A-Z]*").all()
    assert events.attrs["source"] == datasets.source("online_retail")
    assert "CC BY" in events.attrs["licence"]
    assert "Chen" in events.attrs["citation"]


@needs("online_retail")
def test_online_retail_catalog_names_every_product() -> None:
    names = datasets.load("online_retail", table="catalog").set_index("sku")
    assert len(names) == 3_786
    assert names["name"].notna().all()
    assert names.loc["85123A", "name"] == "WHITE HANGING HEART T-LIGHT HOLDER"
    events = datasets.load("online_retail")
    pd.testing.assert_frame_equal(
        online_retail.catalog(events), names.reset_index(), check_dtype=False
    )
    one = events[events["sku"] == "85123A"]
    assert names.loc["85123A", "lines"] == len(one)
    assert names.loc["85123A", "quantity"] == one["quantity"].sum()
    assert names.loc["85123A", "price"] == one["price"].quantile(interpolation="lower")


# Online Retail: rules ----------------------------------------------------------------------------


def test_each_line_is_counted_under_its_reason() -> None:
    lines = invoice_lines(
        [
            ("1", "10001", 6, "2011-01-01 09:00", 1.0, 7),  # stays
            ("1", "10002a", 6, "2011-01-01 09:00", 1.0, 7),  # cancelled below
            ("1", "POST", 1, "2011-01-01 09:00", 9.0, 7),  # not goods
            ("2", "10001", -3, "2011-01-02 09:00", 1.0, None),  # adjustment
            ("3", "10001", 3, "2011-01-02 09:00", 0.0, 7),  # unpriced
            ("C4", "10002A", -6, "2011-01-03 09:00", 1.0, 7),  # matches, whatever the case
            ("C5", "10001", -5, "2011-01-03 09:00", 1.0, 7),  # no purchase of five
            ("C6", "10001", -6, "2011-01-03 09:00", 1.0, None),  # nobody's
            ("7", "10001", 2, "2011-01-04 09:00", 1.0, None),  # anonymous
            ("C8", "M", -1, "2011-01-04 09:00", 1.0, 7),  # cancels, but is not goods
        ]
    )
    events, report = online_retail.clean(lines)
    assert report.to_dict() == {
        "lines": 10,
        "not_goods": 2,
        "adjustments": 1,
        "unpriced": 1,
        "cancellations": 3,
        "matched_cancellations": 1,
        "unmatched_cancellations": 1,
        "anonymous_cancellations": 1,
        "cancelled_purchases": 1,
        "purchases": 1,
        "anonymous_purchases": 1,
    }
    assert events["invoice"].tolist() == ["1", "7"]
    assert events["description"].tolist() == ["NAME OF 10001", "NAME OF 10001"]
    kept, _ = online_retail.clean(lines, returns="keep", anonymous="drop")
    assert kept["event"].tolist() == ["purchase", "purchase", "return"]
    assert kept["sku"].tolist() == ["10001", "10002A", "10002A"]
    assert kept["quantity"].tolist() == [6, 6, 6]
    assert "matched_cancellations" in str(report)
    assert online_retail.benchmark_lines(lines)["sku"].tolist() == ["10001", "10002A"]


def test_every_kind_of_frame_is_answered_in_kind() -> None:
    import polars as pl

    lines = invoice_lines([("1", "10001", 6, "2011-01-01 09:00", 1.0, 7)])
    lines["CustomerID"] = lines["CustomerID"].astype("float64")  # as pandas.read_csv would have it
    for frame in (lines, pl.from_pandas(lines), pa.Table.from_pandas(lines)):
        events, _ = online_retail.clean(frame)
        assert type(events) is type(frame)
        assert list(events["customer"]) in ([7], [pa.scalar(7)])
        assert type(online_retail.catalog(events)) is type(frame)
        assert type(online_retail.benchmark_split(events)[0]) is type(frame)


def test_clean_accepts_no_lines_and_refuses_nonsense() -> None:
    empty = invoice_lines([]).astype({"InvoiceNo": str, "StockCode": str, "Description": str})
    events, report = online_retail.clean(empty)
    assert len(events) == 0
    assert set(report.to_dict().values()) == {0}
    assert len(online_retail.catalog(empty)) == 0
    with pytest.raises(errors.InvalidArgumentError, match="StockCode missing"):
        online_retail.clean(empty.drop(columns="StockCode"))
    with pytest.raises(errors.InvalidArgumentError, match="returns"):
        online_retail.clean(empty, returns="maybe")  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidArgumentError, match="frame"):
        online_retail.clean([1, 2, 3])


def matches_by_search(
    customer: list[int],
    product: list[int],
    quantity: list[int],
    time: list[int],
    cancels: list[bool],
) -> list[tuple[int, int]]:
    """Plain twin: for each cancellation in the order of time, look at every purchase."""
    taken: set[int] = set()
    found = []
    lines = range(len(customer))
    for c in sorted((i for i in lines if cancels[i]), key=lambda i: (time[i], i)):
        fits = [
            p
            for p in lines
            if not cancels[p]
            and p not in taken
            and (customer[p], product[p], quantity[p]) == (customer[c], product[c], -quantity[c])
            and time[p] <= time[c]
        ]
        if fits:
            best = max(fits, key=lambda i: (time[i], i))
            taken.add(best)
            found.append((best, c))
    return sorted(found, key=lambda match: match[1])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 1),
            st.integers(0, 1),
            st.integers(1, 2),
            st.integers(0, 5),
            st.booleans(),
        ),
        max_size=25,
    )
)
def test_matching_equals_its_plain_twin(rows: list[tuple[int, int, int, int, bool]]) -> None:
    customer, product, size, time, cancels = ([row[i] for row in rows] for i in range(5))
    quantity = [-n if c else n for n, c in zip(size, cancels, strict=True)]
    cancelling = np.array(cancels, bool)
    found = match_cancellations(
        *(np.array(column, np.int64) for column in (customer, product, quantity, time)),
        purchase=~cancelling,
        cancellation=cancelling,
    )
    twin = matches_by_search(customer, product, quantity, time, cancels)
    assert [tuple(match) for match in found.tolist()] == twin


# The other sets ----------------------------------------------------------------------------------


@needs("movielens_latest_small")
def test_movielens() -> None:
    facts = datasets.info("movielens_latest_small").facts
    load = functools.partial(datasets.load, "movielens_latest_small")
    events = load()
    assert len(events) == facts["ratings"]
    assert events["user"].nunique() == facts["users"]
    assert events["movie"].nunique() == facts["rated_movies"]
    assert len(load(table="movies")) == facts["listed_movies"] == len(load(table="links"))
    assert len(load(table="tags")) == facts["tags"]
    assert events["rating"].between(0.5, 5).all()
    assert str(events["ts"].min())[:10] == "1995-01-09"
    titled = load(table="titled")
    pd.testing.assert_frame_equal(titled[events.columns], events)
    movies = load(table="movies").set_index("movie")
    some = titled.iloc[12_345]
    assert some["title"] == movies.loc[some["movie"], "title"]
    assert titled["title"].notna().all()
    assert movies.loc[1, "genres"].split("|")[0] == "Adventure"
    assert load(table="links")["imdbId"][0] == "0114709"


@needs("msweb")
def test_msweb_equals_the_pairs_derived_from_it() -> None:
    facts = datasets.info("msweb").facts
    raw = datasets.load("msweb", raw=True)
    folder = datasets.data_folder()
    if folder is not None and (folder / "msweb" / "train.csv.gz").is_file():
        for split in ("train", "test"):
            pairs = pd.read_csv(folder / "msweb" / f"{split}.csv.gz")
            mine = raw[raw["split"] == split].drop(columns="split").reset_index(drop=True)
            pd.testing.assert_frame_equal(mine, pairs)
    events = datasets.load("msweb")
    train, test = (events[events["split"] == split] for split in ("train", "test"))
    areas = datasets.load("msweb", table="areas")
    assert {
        "train_users": train["user"].nunique(),
        "train_visits": len(train),
        "test_users": test["user"].nunique(),
        "test_visits": len(test),
        "areas": len(areas),
        "areas_visited_in_train": train["area"].nunique(),
    } == dict(facts)
    assert not set(train["user"]) & set(test["user"])
    assert set(events["area"]) <= set(areas["area"])
    assert datasets.info("msweb").roles["time"] is None


@needs("open_bandit_men")
def test_open_bandit_men_has_both_logs() -> None:
    facts = datasets.info("open_bandit_men").facts
    events = datasets.load("open_bandit_men")
    logs = dict(iter(events.groupby("policy")))
    for policy, log in logs.items():
        assert len(log) == facts[f"{policy}_rows"]
        assert log["click"].sum() == facts[f"{policy}_clicks"]
        assert set(log["item"]) == set(range(facts["items"]))
        assert set(log["position"]) == {1, 2, 3}
        assert log["ts"].is_monotonic_increasing
    assert set(logs) == {"random", "bts"}
    assert np.allclose(logs["random"]["propensity"], 1 / facts["items"])
    assert logs["bts"]["propensity"].min() == 0.000165
    assert logs["bts"]["propensity"].max() == 0.72529
    assert str(logs["bts"]["ts"].min()) == "2019-11-24 00:01:03.979311"
    assert str(events["ts"].max()) == "2019-11-30 23:59:21.586530"
    affinities = events[[f"affinity_{i}" for i in range(facts["items"])]]
    assert affinities.notna().all(axis=None)
    items = datasets.load("open_bandit_men", table="items")
    assert items.groupby("policy")["item"].nunique().to_dict() == {"bts": 34, "random": 34}
    prices = items.pivot_table(index="item", columns="policy", values="item_feature_0")
    assert np.array_equal(prices["random"], prices["bts"])
    raw = datasets.load("open_bandit_men", raw=True)
    assert list(raw.columns[:6]) == [
        "policy", "timestamp", "item_id", "position", "click", "propensity_score",
    ]  # fmt: skip
    assert len(raw.columns) == 10 + facts["items"]


@needs("complete_journey")
def test_complete_journey() -> None:
    info = datasets.info("complete_journey")
    rows = {table: len(datasets.load(info.name, table=table)) for table in info.tables}
    assert rows.pop("events") == info.facts["transactions"]
    assert rows == {table: info.facts[table] for table in rows}
    events = datasets.load(info.name)
    assert events["household"].nunique() == info.facts["households"]
    assert events["ts"].is_monotonic_increasing
    assert events["basket"].dtype == "int64"
    # The product table does not describe everything that was sold.
    described = datasets.load(info.name, table="products")["product_id"]
    assert (~events["product"].isin(described)).sum() == 222


@pytest.mark.parametrize("name", datasets.names())
def test_roles_name_columns_of_the_event_frame(name: str) -> None:
    if datasets.source(name) not in ("folder", "cache"):
        pytest.skip(f"{name} is not on this machine")
    info = datasets.info(name)
    frames = [datasets.load(name, format=kind) for kind in ("pandas", "polars", "pyarrow")]
    for frame in frames:
        names = frame.column_names if isinstance(frame, pa.Table) else list(frame.columns)
        assert {column for column in info.roles.values() if column} <= set(names)
    assert frames[2].schema.metadata[b"penchant.dataset"] == name.encode()
    assert frames[0].attrs["url"] == info.url


def test_unknown_names_say_what_there_is() -> None:
    for ask in (datasets.load, datasets.info, datasets.source):
        with pytest.raises(errors.InvalidArgumentError, match="movielens_latest_small"):
            ask("netflix")
    with pytest.raises(errors.InvalidArgumentError, match="titled"):
        datasets.load("movielens_latest_small", table="films")
    with pytest.raises(errors.InvalidArgumentError, match="pyarrow"):
        datasets.load("msweb", format="dask")  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidArgumentError, match="raw"):
        datasets.load("msweb", table="areas", raw=True)


# Folder, cache, download -------------------------------------------------------------------------


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without a data folder and with an empty cache."""
    monkeypatch.setenv("PENCHANT_DATA", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def site(bare: Path) -> Iterator[tuple[str, Path]]:
    """A web site on loopback: its address, and the folder it serves."""
    root = bare / "site"
    root.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(root))

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", root
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_environment_names_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PENCHANT_DATA", str(tmp_path))
    assert datasets.data_folder() == tmp_path
    monkeypatch.setenv("PENCHANT_DATA", "")
    assert datasets.data_folder() is None
    monkeypatch.delenv("PENCHANT_DATA")
    (tmp_path / "shared" / "data").mkdir(parents=True)
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr(_files, "__file__", str(tmp_path / "elsewhere" / "_files.py"))
    assert datasets.data_folder() == tmp_path / "shared" / "data"


def test_missing_data_says_what_to_do(bare: Path) -> None:
    assert datasets.source("complete_journey") == "missing"
    with pytest.raises(errors.UnavailableError) as caught:
        datasets.load("complete_journey")
    for hint in ("PENCHANT_DATA", "transactions_sample.csv.gz", "simulate.retail", "R's own"):
        assert hint in str(caught.value)
    assert datasets.source("online_retail") == "download"
    with pytest.raises(errors.UnavailableError, match=r"download=False.*simulate\.retail"):
        datasets.load("online_retail", download=False)


def test_an_altered_file_in_the_folder_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = tmp_path / "movielens_latest_small"
    here.mkdir()
    monkeypatch.setenv("PENCHANT_DATA", str(tmp_path))
    text = b"userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n"
    for file in movielens.SPEC.files:
        (here / file.name).write_bytes(gzip.compress(text))
    assert datasets.source("movielens_latest_small") == "folder"
    with pytest.raises(errors.BadDataError, match=r"ratings\.csv\.gz is not the published file"):
        datasets.load("movielens_latest_small")
    assert len(datasets.load("movielens_latest_small", verify=False)) == 1


def small_movielens(
    address: str, root: Path, monkeypatch: pytest.MonkeyPatch, spoil: bool = False
) -> None:
    """Publish four tiny files on the site and pin their hashes in the data set's definition."""
    texts = {
        "ratings.csv": b"userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n",
        "movies.csv": b"movieId,title,genres\n31,Dangerous Minds (1995),Drama\n",
        "links.csv": b"movieId,imdbId,tmdbId\n31,0112792,9909\n",
        "tags.csv": b"userId,movieId,tag,timestamp\n1,31,school,1260759144\n",
    }
    for file in movielens.SPEC.files:
        text = texts[file.unpacked_name]
        (root / file.unpacked_name).write_bytes(text + b"\n" * spoil)
        monkeypatch.setitem(file.__dict__, "url", address + file.unpacked_name)
        monkeypatch.setitem(file.__dict__, "unpacked_sha256", hashlib.sha256(text).hexdigest())


def test_download_is_checked_kept_and_said(
    site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    address, root = site
    small_movielens(address, root, monkeypatch)
    name = "movielens_latest_small"
    assert datasets.source(name) == "download"
    frame = datasets.load(name, table="titled", progress=False)
    assert frame["title"].tolist() == ["Dangerous Minds (1995)"]
    assert frame.attrs["source"] == datasets.source(name) == "cache"
    for file in root.iterdir():
        file.unlink()  # from here on, only the cache can answer
    assert len(datasets.load(name)) == 1
    assert capfd.readouterr() == ("", "")
    cached = _files.cache_folder()
    assert cached is not None
    (cached / name / "ratings.csv").write_bytes(b"userId,movieId,rating,timestamp\n")
    with pytest.raises(errors.BadDataError, match=r"ratings\.csv is not the published file"):
        datasets.load(name)


def test_a_download_with_the_wrong_content_is_refused(
    site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    small_movielens(*site, monkeypatch, spoil=True)
    with pytest.raises(errors.BadDataError, match="refused"):
        datasets.load("movielens_latest_small")
    assert datasets.source("movielens_latest_small") == "download"


def test_an_unreachable_source_says_what_to_do(
    site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    small_movielens(*site, monkeypatch)
    (site[1] / "tags.csv").unlink()
    with pytest.raises(errors.UnavailableError, match=r"could not be read.*PENCHANT_DATA"):
        datasets.load("movielens_latest_small")


def write_days(lines: pd.DataFrame, root: Path) -> None:
    """Daily files as the public source has them: customers as ``17850.0``, times as text."""
    frame = lines.assign(CustomerID=lines["CustomerID"].astype("float64"))
    for day, part in frame.groupby(lines["InvoiceDate"].dt.strftime("%Y-%m-%d")):
        part.to_csv(root / f"{day}.csv", index=False, date_format="%Y-%m-%d %H:%M:%S")


@needs("online_retail")
def test_online_retail_from_its_daily_files(
    published: pa.Table, site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, root = site
    write_days(published.to_pandas(), root)
    assert sorted(path.stem for path in root.iterdir()) == [
        str(day) for day in _online_retail_fetch.days()
    ]
    monkeypatch.setattr(_online_retail_fetch, "_URL", address)
    joined = datasets.load("online_retail", raw=True, format="pyarrow", progress=False)
    assert joined.schema.metadata[b"penchant.source"] == b"cache"
    assert joined.replace_schema_metadata().equals(published.replace_schema_metadata())
    assert len(datasets.load("online_retail")) == 524_890
    cached = _files.cache_folder()
    assert cached is not None
    assert [path.name for path in (cached / "online_retail").iterdir()] == ["online_retail.feather"]


def test_daily_files_that_do_not_add_up_are_refused(
    site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, root = site
    stamps = [f"{day} 10:00" for day in _online_retail_fetch.days()]
    write_days(invoice_lines([("1", "10001", 1, stamp, 1.0, 7) for stamp in stamps]), root)
    monkeypatch.setattr(_online_retail_fetch, "_URL", address)
    with pytest.raises(errors.BadDataError, match="don't add up"):
        datasets.load("online_retail")
    assert datasets.source("online_retail") == "download"


def test_the_fingerprint_sees_every_cell_and_no_order() -> None:
    lines = invoice_lines(
        [
            ("1", "10001", 6, "2011-01-01 09:00", 1.0, 7),
            ("1", "10002", 6, "2011-01-01 09:00", 1.0, None),
            ("2", "10002", 2, "2011-01-02 09:00", 2.5, 8),
        ]
    )

    def of(frame: pd.DataFrame) -> str:
        return _online_retail_fetch.fingerprint(pa.Table.from_pandas(frame, preserve_index=False))

    original = of(lines)
    for order in itertools.permutations(range(3)):
        assert of(lines.iloc[list(order)]) == original
    changes: dict[str, Any] = {
        "InvoiceNo": "9",
        "StockCode": "9",
        "Description": None,
        "Quantity": 9,
        "InvoiceDate": pd.Timestamp("2011-01-03"),
        "UnitPrice": 9.5,
        "CustomerID": pd.NA,
        "Country": "Italy",
    }
    prints = {original, of(lines.iloc[:2]), of(pd.concat([lines, lines.iloc[:1]]))}
    for column, value in changes.items():
        changed = lines.copy()
        changed.loc[0, column] = value
        prints.add(of(changed))
    assert len(prints) == 3 + len(changes)
