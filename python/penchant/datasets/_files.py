"""Where the bytes of a data set come from: a folder, the download cache, the public source.

A folder is laid out as ``<folder>/<data set>/<file>``. Every file is checked against the sha256
that its module pins before a row of it is used.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from penchant.errors import BadDataError, UnavailableError

__all__ = ["File", "Location", "cache_folder", "data_folder", "fetch_all", "fetch_files"]

_DOWNLOADS_AT_ONCE = 8


@dataclass(frozen=True)
class File:
    """One file of a data set.

    Attributes
    ----------
    name : str
        Its name in the folder; one that ends in ``.gz`` is unpacked on reading.
    sha256 : str
        Of the file in the folder, as it lies there (packed).
    url : str, optional
        Where the same content is published, unpacked.
    unpacked_sha256 : str, optional
        Of the content at `url`.
    """

    name: str
    sha256: str
    url: str | None = None
    unpacked_sha256: str | None = None

    @property
    def unpacked_name(self) -> str:
        """Name of the unpacked file, as the download cache holds it."""
        return self.name.removesuffix(".gz")


@dataclass(frozen=True)
class Location:
    """A place that holds all files of one data set."""

    kind: Literal["folder", "cache"]
    path: Path
    verify: bool = True

    def read(self, file: File) -> bytes:
        """Return the content of `file`, unpacked.

        Raises
        ------
        BadDataError
            When the bytes are not the pinned ones.
        """
        packed = self.kind == "folder"
        path = self.path / (file.name if packed else file.unpacked_name)
        content = path.read_bytes()
        if self.verify:
            check(path, content, file.sha256 if packed else file.unpacked_sha256)
        return gzip.decompress(content) if path.suffix == ".gz" else content


def check(path: Path, content: bytes, expected: str | None) -> None:
    """Raise BadDataError unless `content`, read from `path`, has the sha256 `expected`."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise BadDataError(
            f"{path} is not the published file: sha256 {found}, expected {expected}. "
            "Delete it and get it again, or pass verify=False if you changed it on purpose."
        )


def data_folder() -> Path | None:
    """Return the folder that holds the data sets, or None.

    ``PENCHANT_DATA`` names it; set to nothing, it says that there is none. Unset,
    ``../shared/data`` beside the source checkout is taken, then beside the working directory, if
    there is such a folder.
    """
    named = os.environ.get("PENCHANT_DATA")
    if named is not None:
        return Path(named).expanduser() if named.strip() else None
    checkouts = [p for p in Path(__file__).resolve().parents if (p / "pyproject.toml").is_file()]
    for base in [*checkouts[:1], Path.cwd()]:
        folder = base.parent / "shared" / "data"
        if folder.is_dir():
            return folder
    return None


def cache_folder() -> Path | None:
    """Return the folder that downloads are kept in, or None where pooch is not installed."""
    try:
        import pooch
    except ImportError:
        return None
    return Path(pooch.os_cache("penchant")) / "datasets"


def fetch_files(files: Sequence[File], cache: Path, progress: bool | None) -> None:
    """Download `files` (each with a url and an unpacked hash) into `cache`.

    Raises
    ------
    BadDataError
        When what arrives is not the pinned content.
    UnavailableError
        When the source can't be reached.
    """
    jobs = []
    for file in files:
        if file.url is None or file.unpacked_sha256 is None:
            raise UnavailableError(f"{file.name} is not published in a form that can be downloaded")
        jobs.append((file.url, file.unpacked_name, f"sha256:{file.unpacked_sha256}"))
    fetch_all(jobs, cache, progress)


def fetch_all(
    jobs: Sequence[tuple[str, str, str | None]], cache: Path, progress: bool | None
) -> list[Path]:
    """Download ``(url, file name, hash or None)`` jobs into `cache`, several at once.

    Files that are there with the right hash are kept, so a broken download goes on where it
    stopped. A None hash means that the caller checks the content.

    Returns
    -------
    list of Path
        In the order of `jobs`.
    """
    import pooch
    from tqdm.auto import tqdm

    def fetch(job: tuple[str, str, str | None]) -> Path:
        url, name, known_hash = job
        return Path(pooch.retrieve(url, known_hash=known_hash, fname=name, path=cache))

    cache.mkdir(parents=True, exist_ok=True)
    hidden = None if progress is None else not progress
    with _quiet_pooch(), ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
        futures = {pool.submit(fetch, job): i for i, job in enumerate(jobs)}
        paths: list[Path] = [cache] * len(jobs)
        try:
            for future in tqdm(
                as_completed(futures), total=len(jobs), desc="download", unit="file", disable=hidden
            ):
                paths[futures[future]] = future.result()
        except ValueError as error:  # pooch's word for a hash that does not match
            raise BadDataError(f"a download was refused: {error}") from error
        except OSError as error:  # every network error of requests is one
            raise UnavailableError(f"the public source could not be read: {error}") from error
        finally:
            for future in futures:
                future.cancel()
    return paths


@contextmanager
def _quiet_pooch() -> Iterator[None]:
    """Keep pooch from writing to the terminal; the library prints nothing."""
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
