"""`load`, `info` and `source`: the three questions one asks about a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from penchant.datasets import complete_journey, movielens, msweb, online_retail, open_bandit_men
from penchant.datasets._files import Location, cache_folder, data_folder
from penchant.datasets._frames import FORMATS, from_arrow
from penchant.datasets._info import Info, Spec
from penchant.errors import InvalidArgumentError, PenchantError, UnavailableError

__all__ = ["info", "load", "names", "source"]

_SPECS: dict[str, Spec] = {
    spec.info.name: spec
    for spec in (
        online_retail.SPEC,
        movielens.SPEC,
        msweb.SPEC,
        complete_journey.SPEC,
        open_bandit_men.SPEC,
    )
}


def names() -> list[str]:
    """Return the names that `load` knows."""
    return list(_SPECS)


def info(name: str) -> Info:
    """Return licence, citation, facts, url and column roles of a data set; reads no data."""
    return _spec(name).info


def source(name: str) -> Literal["folder", "cache", "download", "missing"]:
    """Say where `load` would take a data set from, without touching the network.

    Returns
    -------
    str
        ``"folder"``: the folder of `data_folder`; ``"cache"``: downloaded before;
        ``"download"``: the public source would be asked; ``"missing"``: nowhere.
    """
    spec = _spec(name)
    place = _find(spec, verify=True)
    if place is not None:
        return place.kind
    return "download" if spec.fetch is not None and cache_folder() is not None else "missing"


def load(
    name: str,
    *,
    table: str = "events",
    raw: bool = False,
    format: Literal["pandas", "polars", "pyarrow"] = "pandas",  # noqa: A002
    verify: bool = True,
    download: bool = True,
    progress: bool | None = None,
) -> Any:
    """Load a public data set.

    Parameters
    ----------
    name : str
        ``"online_retail"``, ``"movielens_latest_small"``, ``"msweb"``, ``"complete_journey"`` or
        ``"open_bandit_men"``.
    table : str, default "events"
        Which table; ``info(name).tables`` lists them. Columns of the event table are named in
        ``info(name).roles``, ready for ``Dataset.from_events(frame, **roles)``.
    raw : bool, default False
        The main table with the columns and rows as published, nothing cleaned.
    format : {"pandas", "polars", "pyarrow"}
        Kind of frame.
    verify : bool, default True
        Check the files against their pinned sha256.
    download : bool, default True
        Ask the public source when the data is not on this machine.
    progress : bool, optional
        Show a bar while downloading; None shows it in a terminal only.

    Returns
    -------
    frame
        pandas frames carry ``attrs`` (dataset, table, source, licence, citation, url), pyarrow
        tables the same in their schema's metadata under ``penchant.*``.

    Raises
    ------
    InvalidArgumentError
        Unknown name, table or format.
    BadDataError
        Bytes that are not the published ones.
    UnavailableError
        The data is neither in the folder nor in the cache and could not be downloaded; the
        message says what to do.
    """
    spec = _spec(name)
    if format not in FORMATS:
        raise InvalidArgumentError(f"format is {format!r}; it is one of {', '.join(FORMATS)}")
    if table not in spec.info.tables:
        raise InvalidArgumentError(
            f"{name!r} has no table {table!r}; it has {', '.join(spec.info.tables)}"
        )
    if raw and table != "events":
        raise InvalidArgumentError(
            f"raw=True is about the main table; {table!r} already has its published columns"
        )
    place = _find(spec, verify) or _fetch(spec, verify, download, progress)
    result = spec.tables["raw" if raw else table](place)
    attrs = {
        "dataset": name,
        "table": "raw" if raw else table,
        "source": place.kind,
        "licence": spec.info.licence,
        "citation": spec.info.citation,
        "url": spec.info.url,
    }
    return from_arrow(result, format, attrs)


def _spec(name: str) -> Spec:
    if name not in _SPECS:
        raise InvalidArgumentError(f"no data set {name!r}; there are {', '.join(_SPECS)}")
    return _SPECS[name]


def _find(spec: Spec, verify: bool) -> Location | None:
    """Find the place on this machine that holds all files of a set, if there is one."""
    folder = data_folder()
    if folder is not None:
        here = folder / spec.info.name
        if all((here / file.name).is_file() for file in spec.files):
            return Location("folder", here, verify)
    cache = cache_folder()
    if cache is not None and spec.cached:
        here = cache / spec.info.name
        if all((here / name).is_file() for name in spec.cached):
            return Location("cache", here, verify)
    return None


def _fetch(spec: Spec, verify: bool, download: bool, progress: bool | None) -> Location:
    cache = cache_folder()
    if spec.fetch is None:
        raise _unavailable(spec, f"{spec.info.url} publishes it in R's own format only")
    if not download:
        raise _unavailable(spec, "downloading was turned off (download=False)")
    if cache is None:
        raise _unavailable(spec, "downloading needs pooch (pip install 'penchant[datasets]')")
    here = cache / spec.info.name
    try:
        spec.fetch(here, progress)
    except UnavailableError as error:
        raise _unavailable(spec, str(error)) from error
    except PenchantError:
        raise
    except OSError as error:
        raise _unavailable(spec, f"the download could not be kept in {here}: {error}") from error
    return Location("cache", here, verify)


def _unavailable(spec: Spec, why: str) -> UnavailableError:
    folder: Path | None = data_folder()
    looked = f"{folder / spec.info.name} is not complete" if folder else "PENCHANT_DATA names none"
    files = ", ".join(file.name for file in spec.files)
    return UnavailableError(
        f"data set {spec.info.name!r} can't be loaded: no folder has it ({looked}), and {why}. "
        f"Put {files} into <folder>/{spec.info.name}/ and set PENCHANT_DATA to <folder>, "
        "or use penchant.simulate.retail(), which needs no data."
    )
