"""One progress bar for long work: tqdm in a terminal or notebook, nothing when piped."""

from __future__ import annotations

import importlib.util
import sys
from types import TracebackType
from typing import Any, Self

__all__ = ["Progress"]

_DELAY = 1.0  # seconds before a bar is drawn


class Progress:
    """Counts steps of a fit; callable as the core wants it, ``progress(done, total)``.

    Parameters
    ----------
    title : str
    show : bool or None
        None: only where someone watches (a terminal, or a notebook's kernel).
    """

    def __init__(self, title: str, show: bool | None) -> None:
        self._title = title
        self._show = _watched() if show is None else show
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, done: int, total: int, **facts: Any) -> None:
        """Show that `done` of `total` steps are done; `facts` stand at the bar's end."""
        if not self._show:
            return
        if self._bar is None:
            # What is over in a moment needs no bar.
            self._bar = _tqdm()(total=total, desc=self._title, leave=False, delay=_DELAY)
        if facts:
            self._bar.set_postfix(facts, refresh=False)
        self._bar.update(done - self._bar.n)


def _tqdm() -> Any:
    """The bar that fits; a notebook's own only where its widgets are installed."""
    if importlib.util.find_spec("ipywidgets"):
        from tqdm.auto import tqdm
    else:
        from tqdm import tqdm
    return tqdm


def _watched() -> bool:
    if sys.stderr is not None and sys.stderr.isatty():
        return True
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"
