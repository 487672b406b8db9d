"""Ways to hold out a part of a log: each gives (train, test), datasets with ids of their own.

Rows of nobody known stay in train, but for `temporal`, which cuts by time alone.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from .. import _core
from ..errors import InvalidArgumentError
from ._times import duration_micros, duration_text, time_micros
from .dataset import Dataset

__all__ = ["by_user", "leave_last_out", "random", "temporal"]

_DAY = 86_400_000_000


def _parts(data: Dataset, test: np.ndarray, how: str) -> tuple[Dataset, Dataset]:
    in_test = test.astype(bool)
    return (
        data._part(~in_test, f"train part of {how}"),
        data._part(in_test, f"test part of {how}"),
    )


def temporal(
    data: Dataset, test: str | dt.timedelta | None = None, *, cut: Any = None
) -> tuple[Dataset, Dataset]:
    """Hold out the end of the log: train is before the cut, test from it on.

    Parameters
    ----------
    data
        A log with times.
    test
        How long the test part is, counted back from the last event; 28 days when neither `test`
        nor `cut` is given. Whole days are calendar days in UTC, the day of the last event being the
        last of them: with a last event on 2011-12-09 12:50, "28d" cuts at 2011-11-12 00:00, which
        leaves exactly 28 dates in the test. Anything else is counted from the last event itself.
    cut
        The moment (ISO 8601 text, datetime, date) instead.

    Raises
    ------
    InvalidArgumentError
        When both are given, the log has no times, or one part would be empty.
    """
    if test is not None and cut is not None:
        raise InvalidArgumentError("temporal split: give test= (a duration) or cut= (a time)")
    first, last = data._core.first_time, data._core.last_time
    if first is None or last is None:
        raise InvalidArgumentError(
            "temporal split: the log has no events with times; "
            "split by random, by_user, or read the log with time="
        )
    if cut is not None:
        at = time_micros(cut, "cut")
    else:
        length = duration_micros("28d" if test is None else test, "test")
        end = (last // _DAY + 1) * _DAY if length % _DAY == 0 else last
        at = end - length
    rows = _core.temporal_test_rows(data._core, at)
    told = _core.format_timestamp(at)
    if rows.all() or not rows.any():
        side = "before" if rows.all() else "at or after"
        raise InvalidArgumentError(
            f"temporal split: no events {side} the cut at {told}; "
            f"the log goes from {_core.format_timestamp(first)} to {_core.format_timestamp(last)}"
        )
    how = "" if cut is not None else f", the last {duration_text(length)}"
    return _parts(data, rows, f"temporal split at {told}{how}")


def leave_last_out(data: Dataset) -> tuple[Dataset, Dataset]:
    """Hold out the events of each subject's last moment in time.

    Lines of one last basket share a moment and go together. Subjects with events at one moment
    only stay in train.

    Parameters
    ----------
    data
        A log with times.

    Raises
    ------
    InvalidArgumentError
        When the log has no times.
    """
    return _parts(data, _core.leave_last_out_test_rows(data._core), "leave-last-out split")


def random(data: Dataset, test: float = 0.2, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Hold out a share of each subject's items, with all their events.

    Each pair is drawn on its own, by a number that depends on the seed and the two ids alone: the
    same pair goes the same way whatever else is in the log. A subject whose items would all go
    keeps one in train.

    Parameters
    ----------
    data
        Any log.
    test
        Chance of a pair to be in the test part, between 0 and 1.
    seed
        0 to 2^64 - 1.

    Raises
    ------
    InvalidArgumentError
        When `test` is not between 0 and 1.
    """
    rows = _core.random_test_rows(data._core, float(test), _seed(seed))
    return _parts(data, rows, f"random split, {test:g} of the pairs, seed {seed}")


def by_user(data: Dataset, test: float = 0.1, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Hold out all events of a share of the subjects, for strong generalization.

    Parameters
    ----------
    data
        Any log.
    test
        Chance of a subject to be in the test part, between 0 and 1; drawn by a number that depends
        on the seed and the id alone.
    seed
        0 to 2^64 - 1.

    Raises
    ------
    InvalidArgumentError
        When `test` is not between 0 and 1.
    """
    rows = _core.by_user_test_rows(data._core, float(test), _seed(seed))
    return _parts(data, rows, f"split by user, {test:g} of the subjects, seed {seed}")


def _seed(seed: int) -> int:
    if not 0 <= seed < 2**64:
        raise InvalidArgumentError(f"seed {seed} is not between 0 and 2^64 - 1")
    return int(seed)
