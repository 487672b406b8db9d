"""Nearest vectors by inner product, distance or cosine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .. import _core
from .._progress import Progress
from ..errors import InvalidArgumentError, NotFittedError
from ..models._params import Parametrized
from ._row_ids import RowIds

__all__ = ["VectorFilter", "VectorIndex"]

_KINDS = ("auto", "flat", "hnsw", "ivf")
_STORAGES = ("float32", "int8")
_PREFIX = "index"


class VectorFilter:
    """An allow list that `VectorIndex.filter` made ready; for ``search(..., allow=)``.

    ``len()`` is the number of vectors that it allows and that are there.
    """

    def __init__(self, core: Any) -> None:
        self._core = core

    def __len__(self) -> int:
        return int(self._core.size)

    def __repr__(self) -> str:
        """How many vectors are allowed."""
        return f"VectorFilter({len(self)} vectors)"


class VectorIndex(Parametrized):
    """An index of vectors to search for the nearest of them.

    Scores are higher for a nearer vector whatever the metric: the inner product, the negative
    squared distance, or the cosine. They are the same bits on every CPU; ties go to the vector that
    was given first.

    Parameters
    ----------
    kind : {"auto", "flat", "hnsw", "ivf"}
        ``flat`` is exact. ``hnsw`` walks a graph of neighbours. ``ivf`` visits lists of vectors
        around the nearest centres: a shorter build for millions of vectors. ``auto`` is flat below
        20,000 vectors; above, it measures a scan and the graph on held-out queries and keeps
        whichever serves better. What it found is in `report_`.
    metric : {"ip", "l2", "cosine"}
    m : int
        Links of a vector in the graph's upper levels, twice as many on the ground; 2 to 128.
    ef_construction : int
        Vectors kept in view while one is inserted into the graph.
    storage : {"int8", "float32"}
        What a search reads first. ``int8`` keeps a byte a coordinate beside the floats, reads
        those, and scores the best of what it finds from the floats. A flat index stays exact with
        it. Scores are those of the floats in either case.
    target_recall : float
        recall@10 that the default ``ef`` must reach when it is measured.
    product_graph : {"unit", "augmented"}
        How the graph of an ``ip`` index is laid: by cosine, or by distance after one more
        coordinate has made all vectors equally long. Both are searched by the inner product.
    threads : int, optional
        Of `fit`, `add` and `remove`; None is all. The index is the same for any number.
    seed : int
        Of the graph's levels and the order of insertion, and of the draw of centres.

    Attributes
    ----------
    report_ : dict
        ``kind`` chosen, ``reason``, ``ef`` (the default of searches; lists visited by ``ivf``),
        ``recall_at_10`` and ``recall_at_100`` at that, ``queries`` it was measured on, ``held_out``
        (rows of the fit, else given queries), ``scan_visited`` (vectors that an exact scan reads a
        query) and ``efforts``: a list of dict(ef, recall_at_10, visited, recall_at_100,
        visited_at_100), visited being vectors scored a query.

    Examples
    --------
    >>> import numpy as np, penchant as pn
    >>> vectors = np.eye(3, dtype=np.float32)
    >>> index = pn.VectorIndex(metric="l2").fit(vectors, ids=["x", "y", "z"])
    >>> ids, scores = index.search(np.array([[0.9, 0.1, 0.0]]), k=2)
    >>> ids.tolist()
    [['x', 'y']]
    """

    def __init__(
        self,
        kind: str = "auto",
        metric: str = "ip",
        m: int = 32,
        ef_construction: int = 200,
        storage: str = "int8",
        target_recall: float = 0.99,
        product_graph: str = "unit",
        threads: int | None = None,
        seed: int = 0,
    ) -> None:
        self.kind = kind
        self.metric = metric
        self.m = m
        self.ef_construction = ef_construction
        self.storage = storage
        self.target_recall = target_recall
        self.product_graph = product_graph
        self.threads = threads
        self.seed = seed
        self._core: Any = None
        self._ids: Any = None

    # -- filling -----------------------------------------------------------------------------------

    def fit(
        self,
        vectors: npt.ArrayLike,
        ids: Any = None,
        *,
        queries: npt.ArrayLike | None = None,
        progress: bool | None = None,
    ) -> Self:
        """Index vectors.

        Parameters
        ----------
        vectors : [n, d] array, float32 or what converts to it
        ids : [n] of str or int, optional
            Distinct. None: 0 to n - 1.
        queries : [q, d] array, optional
            Queries like those to come, to measure a graph on. None: a sample of the vectors is held
            out of the graph for that, and inserted last.
        progress : bool, optional
            Show a progress bar. None: in a terminal or a notebook only.

        Returns
        -------
        self

        Raises
        ------
        InvalidArgumentError
            On NaN, infinity or a length that overflows, naming the row; on ids that repeat or mix
            kinds; on a parameter that is not there.
        """
        self._check_choices()
        rows = _matrix(vectors, "vectors")
        asked = None if queries is None else _matrix(queries, "queries")
        kept = RowIds.from_given(ids, len(rows))
        with Progress(type(self).__name__, progress) as bar:
            self._core = _core.VectorIndex.build(
                rows,
                self.kind,
                self.metric,
                self.m,
                self.ef_construction,
                self.target_recall,
                self.product_graph,
                self.storage,
                self.threads or 0,
                self.seed,
                asked,
                bar,
            )
        self._ids = kept
        return self

    def add(self, vectors: npt.ArrayLike, ids: Any = None, *, progress: bool | None = None) -> Self:
        """Add vectors to a fitted index.

        A graph takes them by the same insertion as at first; that costs a copy of the index, so add
        many at a time. `report_` stays as it was measured by `fit`.

        Parameters
        ----------
        vectors : [n, d] array
        ids : [n] of the kind that the index has
            None: goes on counting, when `fit` was not given any either.

        Raises
        ------
        InvalidArgumentError
            Also on an id that is in the index; remove it first to replace its vector.
        """
        core = self._fitted()
        rows = _matrix(vectors, "vectors")
        extended = self._ids.extended(ids, len(rows))
        with Progress(type(self).__name__, progress) as bar:
            core.add(rows, bar)
        self._ids = extended
        return self

    def remove(self, ids: Any) -> Self:
        """Take vectors out for good.

        Their bytes are overwritten at once; in a graph their neighbours are linked among
        themselves, and the graph is built anew when more than a quarter goes.

        Raises
        ------
        NotFoundError
            On an id that is not in the index; then nothing is removed.
        """
        core = self._fitted()
        rows = self._ids.rows_of(ids)
        core.remove(rows)
        self._ids.forget(rows)
        return self

    # -- asking ------------------------------------------------------------------------------------

    def search(
        self,
        queries: npt.ArrayLike,
        k: int = 10,
        *,
        ef: int | None = None,
        allow: Any = None,
        threads: int = 1,
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32]]:
        """Return the k nearest vectors to each query.

        Parameters
        ----------
        queries : [q, d] array
        k : int
        ef : int, optional
            Vectors kept in view while a graph is walked, or lists that ``ivf`` visits: more finds
            more, slower. None: what `report_` says, at least 2k in view. Where walking would cost
            more than a scan, it scans.
        allow : ids, bool [rows given so far], or VectorFilter, optional
            Only these may come back. Exactly k do whenever k of them are in the index. Ids that are
            not in the index are passed over. What `filter` made of the same is the fastest.
        threads : int
            Over queries; 0 is all.

        Returns
        -------
        ids : [q, k] int64 or object array
            Best first. Where fewer than k vectors are left: -1 for integer ids, None for strings.
        scores : [q, k] float32 array
            Higher is nearer; -inf where fewer are left.
        """
        core = self._fitted()
        ready = allow._core if isinstance(allow, VectorFilter) else None
        allowed, mask = (None, None) if ready is not None else self._allowed(allow)
        rows, scores, _ = core.search(
            _matrix(queries, "queries"), k, 0 if ef is None else ef, allowed, mask, ready, threads
        )
        return self._ids.at(rows), scores

    def filter(self, allow: Any) -> VectorFilter:
        """Make an allow list ready for many searches.

        The allowed vectors' bytes are gathered, so that a search streams over these alone, and is
        exact. It pays from about forty searches on. The filter follows the index: what is removed
        leaves it, its bytes overwritten at once; vectors added later are not in it, also under an
        id that was. `fit` ends it.

        Parameters
        ----------
        allow : ids, or bool [rows given so far]
            As for `search`.

        Raises
        ------
        InvalidArgumentError
            By `search`, when the filter is another index's.
        """
        core = self._fitted()
        if allow is None or isinstance(allow, VectorFilter):
            raise InvalidArgumentError("filter makes ready a list of ids or a mask; give one")
        return VectorFilter(core.filter(*self._allowed(allow)))

    @property
    def report_(self) -> dict[str, Any]:
        """What `fit` chose and measured."""
        return dict(self._fitted().report)

    @property
    def dimension(self) -> int:
        """Columns of the vectors."""
        return int(self._fitted().dimension)

    def __len__(self) -> int:
        return int(self._fitted().size)

    def __repr__(self) -> str:
        """The parameters; once fitted also what was chosen and the recall it was measured at."""
        shown = super().__repr__()
        if self._core is None:
            return shown
        report = self._core.report
        found = f"{len(self)} vectors, {report['kind']}"
        if report["kind"] == "flat":
            found += ", exact"
        elif report["queries"]:
            found += (
                f", recall@10 {report['recall_at_10']:.3f} and @100 {report['recall_at_100']:.3f} "
                f"at ef={report['ef']} on {report['queries']} queries"
            )
        return f"{shown}  # {found}"

    def _allowed(
        self, allow: Any
    ) -> tuple[npt.NDArray[np.int32] | None, npt.NDArray[np.uint8] | None]:
        """Rows, or a mask; at most one of them."""
        if allow is None:
            return None, None
        if isinstance(allow, list) and allow and isinstance(allow[0], bool):
            allow = np.asarray(allow)
        if isinstance(allow, np.ndarray) and allow.dtype.kind == "b":
            if allow.shape != (len(self._ids),):
                raise InvalidArgumentError(
                    f"allow is a mask of shape {tuple(allow.shape)}; the index was given "
                    f"{len(self._ids)} vectors"
                )
            return None, np.ascontiguousarray(allow).view(np.uint8)
        return np.asarray(self._ids.known_rows_of(allow), dtype=np.int32), None

    def _fitted(self) -> Any:
        if self._core is None:
            raise NotFittedError("this VectorIndex is not fitted; call fit(vectors) first")
        return self._core

    def _check_choices(self) -> None:
        for name, value, there in (
            ("kind", self.kind, _KINDS),
            ("storage", self.storage, _STORAGES),
        ):
            if value not in there:
                raise InvalidArgumentError(
                    f"{name} {value!r} is not there; choose one of: {', '.join(there)}"
                )
        if self.threads is not None and self.threads < 1:
            raise InvalidArgumentError(
                f"threads is {self.threads}; give 1 or more, or None for all"
            )
        if not 0 <= self.seed < 2**64:
            raise InvalidArgumentError(f"seed is {self.seed}; it must be from 0 to 2**64 - 1")

    # -- keeping -----------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """Return the index as a bundle. The same index gives the same bytes."""
        core = self._fitted()
        writer = _core.BundleWriter()
        core.save(writer, _PREFIX)
        self._ids.save(writer, f"{_PREFIX}/ids")
        return bytes(writer.to_bytes(json.dumps({"object": "VectorIndex"})))

    def save(self, path: str | Path) -> None:
        """Write the index to a file, atomically; `load` reads it."""
        _core.write_file_atomically(Path(path), self.to_bytes())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read an index from a file, which is mapped, not copied.

        Raises
        ------
        CorruptBundleError
            Whatever the file holds that an index can't.
        """
        return cls()._read(_core.BundleReader.open(Path(path)))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` gave."""
        return cls()._read(_core.BundleReader.from_bytes(data))

    def _read(self, reader: Any) -> Self:
        core = _core.VectorIndex.load(reader, _PREFIX)
        self._ids = RowIds.load(reader, f"{_PREFIX}/ids", core.rows, core.removed)
        self.set_params(**core.params)
        self._core = core
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {
            "params": self.get_params(),
            "bundle": None if self._core is None else self.to_bytes(),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state["params"])  # type: ignore[misc]
        if state["bundle"] is not None:
            self._read(_core.BundleReader.from_bytes(state["bundle"]))
            self.set_params(**state["params"])


def _matrix(values: npt.ArrayLike, what: str) -> npt.NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):  # becomes infinity, which the core refuses by its row
            out = np.ascontiguousarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"{what} must be numbers [rows, columns]: {error}") from error
    if out.ndim != 2:
        raise InvalidArgumentError(
            f"{what} must have two dimensions [rows, columns], not shape {out.shape}"
        )
    return out
