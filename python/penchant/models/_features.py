"""What is known of items, as rows of features of unit length."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import InvalidArgumentError

__all__ = [
    "ItemFeatures",
    "Recipe",
    "are_names",
    "chosen_columns",
    "item_features",
    "subject_columns",
]

NAME = "name"  # the items' display names, among the columns of texts
_WORD = re.compile(r"\w+", re.UNICODE)
_WORDS_OF_A_TEXT = 3  # a column with as many on average is prose, not a category


# What a column may be taken as beside what it looks like.
_ALSO_READ_AS = {"text": ("categories",), "categories": ("text",), "numbers": ("categories",)}


@dataclass(frozen=True)
class Recipe:
    """Which columns to take, as what, and how much each counts.

    Attributes
    ----------
    text, categories, numbers, vectors : sequence of str or None
        None: the columns that look like it.
    bins : int
        Numbers become one of this many classes with equally many items.
    min_count : int
        A word or category that fewer items have says nothing of others and is left out.
    weights : mapping of str to float
        Of columns; 1 for the rest.
    """

    text: Sequence[str] | None = None
    categories: Sequence[str] | None = None
    numbers: Sequence[str] | None = None
    vectors: Sequence[str] | None = None
    bins: int = 5
    min_count: int = 2
    weights: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Any, vectors: Sequence[str] | None) -> Recipe:
        """The recipe that a model's parameters of these names ask for, checked."""
        model._check_kinds(integers="bins min_count")
        for name in ("bins", "min_count"):
            if getattr(model, name) < 1:
                model._refuse(name, "be 1 or more")
        for name in ("text", "categories", "numbers"):
            columns = getattr(model, name)
            if columns is not None and not are_names(columns):
                model._refuse(name, "be a list of columns")
        if model.weights is not None and not isinstance(model.weights, Mapping):
            model._refuse("weights", "be a dict of column to number")
        return cls(
            model.text,
            model.categories,
            model.numbers,
            vectors,
            model.bins,
            model.min_count,
            dict(model.weights or {}),
        )


@dataclass(frozen=True)
class ItemFeatures:
    """Rows of features (CSR) and a dense part beside them, each row of unit length or empty.

    Attributes
    ----------
    names : list of str
        Of the sparse features: "category=toys", "name:teapot".
    offsets, features, values : ndarray int64 [items + 1], int32 [nnz], float32 [nnz]
        Features ascend in a row.
    dense : ndarray float32 [items, width]
    """

    names: list[str]
    offsets: np.ndarray
    features: np.ndarray
    values: np.ndarray
    dense: np.ndarray


def are_names(columns: Any) -> bool:
    return not isinstance(columns, str) and all(isinstance(each, str) for each in columns)


def _kind_of(column: pa.Array) -> str:
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = kind.value_type
        numeric = pa.types.is_floating(inner) or pa.types.is_integer(inner)
        return "vectors" if numeric else "categories"
    if pa.types.is_boolean(kind):
        return "categories"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return "numbers"
    words = [len(_WORD.findall(text)) for text in column.drop_null().to_pylist()]
    return "text" if words and sum(words) >= _WORDS_OF_A_TEXT * len(words) else "categories"


def chosen_columns(
    recipe: Recipe, columns: Mapping[str, pa.Array], who: str = "items", source: str = "catalog"
) -> dict[str, str]:
    """Column -> what it is taken as. `who` has them, from `Dataset.from_events(<source>=...)`."""
    out: dict[str, str] = {}
    kinds = {name: _kind_of(column) for name, column in columns.items()}
    named = {"text", "categories", "numbers", "vectors"}
    for kind in ("text", "categories", "numbers", "vectors"):
        asked = getattr(recipe, kind)
        if asked is None:
            continue
        for name in asked:
            if name not in columns:
                raise InvalidArgumentError(
                    f"{kind}: the {who} have no attribute {name!r}; they have: "
                    f"{', '.join(columns) or 'none'} (Dataset.from_events({source}=...))"
                )
            fits = kinds[name] == kind or kind in _ALSO_READ_AS.get(kinds[name], ())
            if not fits:
                raise InvalidArgumentError(f"{kind}: attribute {name!r} holds no {kind}")
            out[name] = kind
        named.discard(kind)
    for name, kind in kinds.items():
        if name not in out and kind in named:
            out[name] = kind
    return out


def _words(column: pa.Array) -> list[list[str]]:
    return [_WORD.findall(str(text).lower()) if text else [] for text in column.to_pylist()]


def _tags(column: pa.Array) -> list[list[str]]:
    out: list[list[str]] = []
    for value in column.to_pylist():
        many = value if isinstance(value, list) else [value]
        out.append([str(each) for each in many if each is not None and each != ""])
    return out


def _bins(column: pa.Array, bins: int) -> list[list[str]]:
    numbers = np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    finite = np.isfinite(numbers)
    if not finite.any():
        return [[] for _ in numbers]
    edges = np.unique(np.quantile(numbers[finite], np.linspace(0, 1, bins + 1)[1:-1]))
    which = np.searchsorted(edges, numbers, side="right")
    return [[f"{at} of {len(edges) + 1}"] if known else []
            for at, known in zip(which + 1, finite, strict=True)]  # fmt: skip


def _dense(name: str, column: pa.Array) -> np.ndarray:
    """Rows of unit length, 0 where there is none. [items, width] float64."""
    rows = column.to_pylist()
    widths = {len(row) for row in rows if row is not None}
    if len(widths) != 1:
        raise InvalidArgumentError(
            f"vectors: those of {name!r} differ in length ({sorted(widths)[:4]}) or there are none"
        )
    zero = [0.0] * widths.pop()
    out = np.array([zero if row is None else row for row in rows], np.float64)
    if not np.isfinite(out).all():
        at = int(np.flatnonzero(~np.isfinite(out).all(axis=1))[0])
        raise InvalidArgumentError(f"vectors: {name!r} of the item in row {at} is not finite")
    norm = np.linalg.norm(out, axis=1, keepdims=True)
    return out / np.where(norm > 0, norm, 1.0)


@dataclass
class _Entries:
    """Weighted features of one column, by item: its part of each row has unit length."""

    names: list[str]
    rows: np.ndarray
    features: np.ndarray
    values: np.ndarray


def _weighed(name: str, mark: str, tokens: list[list[str]], min_count: int) -> _Entries:
    """(1 + ln tf) (1 + ln((1 + n) / (1 + df))) of each token (Salton & Buckley 1988, smoothed)."""
    counts = [Counter(each) for each in tokens]
    frequency: Counter[str] = Counter()
    for each in counts:
        frequency.update(each.keys())
    kept = sorted(token for token, df in frequency.items() if df >= min_count)
    code = {token: at for at, token in enumerate(kept)}
    idf = np.array([1.0 + np.log((1 + len(tokens)) / (1 + frequency[t])) for t in kept])
    rows: list[int] = []
    features: list[int] = []
    tf: list[float] = []
    for row, each in enumerate(counts):
        mine = sorted((code[t], n) for t, n in each.items() if t in code)
        rows += [row] * len(mine)
        features += [at for at, _ in mine]
        tf += [1.0 + float(np.log(n)) for _, n in mine]
    row_of = np.array(rows, np.int64)
    feature_of = np.array(features, np.int64)
    values = np.array(tf) * idf[feature_of] if len(rows) else np.zeros(0)
    norm = np.sqrt(np.bincount(row_of, values**2, minlength=len(tokens)))
    values = values / np.where(norm > 0, norm, 1.0)[row_of]
    return _Entries([f"{name}{mark}{token}" for token in kept], row_of, feature_of, values)


def item_features(
    table: pa.Table | None, names: Sequence[str], items: int, recipe: Recipe
) -> ItemFeatures:
    """Turn attributes into rows of features.

    Parameters
    ----------
    table : pyarrow.Table or None
        A row an item.
    names : sequence of str
        Display names [items], or empty.
    items : int
    recipe : Recipe

    Raises
    ------
    InvalidArgumentError
        When a column is missing or not of the kind asked for, or nothing is known of any item.
    """
    columns: dict[str, pa.Array] = {}
    if len(names):
        columns[NAME] = pa.array(list(names), pa.large_string())
    if table is not None:
        columns |= {name: table[name].combine_chunks() for name in table.column_names}
    if not columns and items > 0:
        raise InvalidArgumentError(
            "nothing is known of the items; give names or attributes with "
            "Dataset.from_events(..., catalog=frame)"
        )
    if items == 0:
        return _joined(0, [], [])
    unknown = sorted(set(recipe.weights) - set(columns))
    if unknown:
        raise InvalidArgumentError(
            f"weights: the items have no attribute {unknown[0]!r}; they have: {', '.join(columns)}"
        )
    blocks: list[_Entries] = []
    dense: list[np.ndarray] = []
    for name, kind in chosen_columns(recipe, columns).items():
        scale = float(np.sqrt(_weight(recipe, name)))
        if kind == "vectors":
            dense.append(scale * _dense(name, columns[name]))
            continue
        tokens = {
            "text": _words,
            "categories": _tags,
            "numbers": lambda column: _bins(column, recipe.bins),
        }[kind](columns[name])
        entries = _weighed(name, ":" if kind == "text" else "=", tokens, recipe.min_count)
        entries.values *= scale
        blocks.append(entries)
    return _joined(items, blocks, dense)


def subject_columns(
    table: pa.Table | None,
    *,
    text: Sequence[str] | None = None,
    categories: Sequence[str] | None = None,
    numbers: Sequence[str] | None = None,
) -> list[tuple[str, str, float]]:
    """Which attributes of people to take, as what, with weight 1, for the core's recipe.

    Raises
    ------
    InvalidArgumentError
        When a column is missing or not of the kind asked for.
    """
    if table is None:
        asked = [*(text or []), *(categories or []), *(numbers or [])]
        if asked:
            raise InvalidArgumentError(
                f"the subjects have no attribute {asked[0]!r}; give them with "
                "Dataset.from_events(..., subjects=frame)"
            )
        return []
    columns = {name: table[name].combine_chunks() for name in table.column_names}
    recipe = Recipe(text, categories, numbers, vectors=[])
    kinds = chosen_columns(recipe, columns, "subjects", "subjects")
    return [(name, kinds[name], 1.0) for name in columns if name in kinds]


def _weight(recipe: Recipe, name: str) -> float:
    weight = recipe.weights.get(name, 1.0)
    if isinstance(weight, bool) or not np.isfinite(weight) or weight < 0:
        raise InvalidArgumentError(f"weights[{name!r}] must be 0 or more, not {weight!r}")
    return float(weight)


def _joined(items: int, blocks: list[_Entries], dense: list[np.ndarray]) -> ItemFeatures:
    starts = np.cumsum([0, *(len(block.names) for block in blocks)])
    names = [name for block in blocks for name in block.names]
    rows = np.concatenate([np.zeros(0, np.int64), *(block.rows for block in blocks)])
    features = np.concatenate(
        [
            np.zeros(0, np.int64),
            *(block.features + start for block, start in zip(blocks, starts[:-1], strict=True)),
        ]
    )
    values = np.concatenate([np.zeros(0), *(block.values for block in blocks)])
    wide = np.concatenate([np.zeros((items, 0)), *dense], axis=1)
    square = np.bincount(rows, values**2, minlength=items) + (wide**2).sum(axis=1)
    norm = np.sqrt(np.where(square > 0, square, 1.0))
    values = values / norm[rows]
    wide = wide / norm[:, None]
    keep = values > 0
    rows, features, values = rows[keep], features[keep], values[keep]
    order = np.lexsort((features, rows))
    used, features = np.unique(features[order], return_inverse=True)
    offsets = np.r_[0, np.cumsum(np.bincount(rows, minlength=items))]
    return ItemFeatures(
        names=[names[at] for at in used],
        offsets=offsets.astype(np.int64),
        features=features.reshape(-1).astype(np.int32),
        values=values[order].astype(np.float32),
        dense=wide.astype(np.float32),
    )
