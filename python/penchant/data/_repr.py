"""How a dataset shows itself: counts first, nothing hidden."""

from __future__ import annotations

import html as markup

import numpy as np

from .. import _core
from ._times import duration_text
from .ingest import Facts

__all__ = ["html", "text"]


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _lines(core: _core.Dataset, facts: Facts, split: str | None) -> list[tuple[str, str]]:
    """Label and text, only of what there is to say."""
    out = []
    first, last = core.first_time, core.last_time
    if first is not None and last is not None:
        span = f"{_core.format_timestamp(first)} to {_core.format_timestamp(last)}"
        out.append(("time", span))
    tally = np.bincount(core.type_index, minlength=len(core.types))
    told = [
        f"{name} {n:,}" + ("" if weight == 1 else f" (weight {weight:g})")
        for (name, weight), n in zip(core.types, tally.tolist(), strict=True)
    ]
    if told:
        out.append(("types", ", ".join(told)))
    if core.half_life is not None:
        out.append(("half-life", duration_text(core.half_life)))
    if facts.anonymous:
        out.append(("anonymous", f"{_count(facts.anonymous, 'event')} of nobody known"))
    if facts.quarantined:
        reasons = "; ".join(f"{n:,} {reason}" for reason, n in facts.quarantined.items())
        total = sum(facts.quarantined.values())
        out.append(("quarantined", f"{total:,} of {_count(facts.rows, 'row')}: {reasons}"))
    if facts.duplicates:
        fate = "dropped" if facts.duplicates_dropped else "kept"
        out.append(("duplicates", f"{_count(facts.duplicates, 'row')} equal to another, {fate}"))
    if split is not None:
        out.append(("split", split))
    return out


def _headline(core: _core.Dataset) -> str:
    subjects = _count(len(core.subjects), "subject")
    return f"{_count(len(core), 'event')}, {subjects} × {_count(len(core.items), 'item')}"


def text(core: _core.Dataset, facts: Facts, split: str | None) -> str:
    """Return the `repr`, a line a fact."""
    lines = [f"\n  {label}: {told}" for label, told in _lines(core, facts, split)]
    return f"Dataset({_headline(core)}){''.join(lines)}"


def html(core: _core.Dataset, facts: Facts, split: str | None) -> str:
    """Return the same as a small table for notebooks."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{label}</th>"
        f"<td style='text-align:left'>{markup.escape(told)}</td></tr>"
        for label, told in _lines(core, facts, split)
    )
    return f"<div><b>Dataset</b> {_headline(core)}<table>{rows}</table></div>"
