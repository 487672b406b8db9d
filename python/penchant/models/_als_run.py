"""The loop of an ALS fit: losses, validation, early stopping, callback, checkpoints."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._progress import Progress
from ..data.dataset import Dataset
from ..errors import InvalidArgumentError

if TYPE_CHECKING:
    from .als import ALS

__all__ = ["Run"]

_FORMAT = "penchant-als-checkpoint-1"
# What may differ between the fit that wrote a checkpoint and the one that goes on from it.
_FREE = {"iterations", "threads", "early_stopping", "track_loss"}


class Run:
    """One fit's progress: used once.

    Parameters
    ----------
    model : ALS
    train : Dataset
    valid, callback, checkpoint
        As `ALS.fit` has them.
    iterations : int, optional
        Instead of the model's.
    """

    def __init__(
        self,
        model: ALS,
        train: Dataset,
        valid: Dataset | None,
        callback: Callable[[int, ALS], bool | None] | None,
        checkpoint: str | Path | None,
        iterations: int | None = None,
    ) -> None:
        if valid is not None and not isinstance(valid, Dataset):
            raise InvalidArgumentError(
                f"ALS.fit: valid must be a penchant Dataset, not {type(valid).__name__}"
            )
        self._model = model
        self._train = train
        self._valid = valid
        self._callback = callback
        self._path = None if checkpoint is None else Path(checkpoint)
        self._iterations = iterations
        self.spent = 0.0  # seconds before the first iteration
        self.history: list[dict[str, Any]] = []
        self.best_iteration = 0
        self._best_model: Any = None
        self._best_metric = -np.inf

    def iterate(self, trainer: Any, progress: Progress, view: Callable[[Any], ALS]) -> Any:
        """Run the trainer to its end and return the core's model.

        `view` makes a fitted estimator of a core model, for validation and callback.
        """
        total = self._iterations
        if total is None:
            total = int(self._model.iterations)
        if self._path is not None and self._path.exists():
            self._resume(trainer, self._path)
        while len(self.history) < total and not self._stale():
            started = time.perf_counter()
            trainer.iterate()
            entry: dict[str, Any] = {
                "iteration": len(self.history) + 1,
                "seconds": time.perf_counter() - started + (0.0 if self.history else self.spent),
                "loss": trainer.loss() if self._model.track_loss else None,
                "metric": None,
            }
            self.history.append(entry)
            stop = self._look(trainer, view, entry)
            if self._path is not None:
                self._write(trainer, self._path)
            facts = {name: entry[name] for name in ("loss", "metric") if entry[name] is not None}
            progress(entry["iteration"], total, **facts)
            if stop:
                break
        if self._best_model is not None:
            return self._best_model
        self.best_iteration = len(self.history)
        return trainer.finish()

    def _look(self, trainer: Any, view: Callable[[Any], ALS], entry: dict[str, Any]) -> bool:
        """Measure on the validation set and ask the callback; True: it wants to stop."""
        if self._valid is None and self._callback is None:
            return False
        core = trainer.snapshot()
        model = view(core)
        if self._valid is not None:
            from ..evaluation.evaluate import evaluate

            name = self._model.valid_metric
            report = evaluate(model, self._valid, [name], threads=self._model.threads)
            entry["metric"] = float(report[name].value)
            if entry["metric"] > self._best_metric:
                self._best_metric = entry["metric"]
                self._best_model = core
                self.best_iteration = entry["iteration"]
        return self._callback is not None and self._callback(entry["iteration"], model) is True

    def _stale(self) -> bool:
        if self._valid is None or not self.history:
            return False
        return len(self.history) - self.best_iteration >= int(self._model.early_stopping)

    # -- checkpoints -------------------------------------------------------------------------------

    def _identity(self) -> dict[str, Any]:
        parameters = {k: v for k, v in self._model.get_params().items() if k not in _FREE}
        return {
            "format": _FORMAT,
            "parameters": json.loads(json.dumps(parameters, default=str)),
            "data": self._train.hash,
            "valid": None if self._valid is None else self._valid.hash,
        }

    def _write(self, trainer: Any, path: Path) -> None:
        writer = _core.BundleWriter()
        users, items = trainer.state()
        writer.add("users", users)
        writer.add("items", items)
        if self._best_model is not None:
            self._best_model.save(writer, "best")
        state = {"history": self.history, "best_iteration": self.best_iteration}
        writer.write_file(path, json.dumps({**self._identity(), **state}))

    def _resume(self, trainer: Any, path: Path) -> None:
        reader = _core.BundleReader.open(path)
        found = json.loads(reader.lineage_json)
        wanted = self._identity()
        for name, value in wanted.items():
            if found.get(name) != value:
                raise InvalidArgumentError(
                    f"checkpoint {path}: its {name} is not that of this fit; "
                    "remove the file to start anew"
                )
        trainer.restore(reader.array("users"), reader.array("items"), len(found["history"]))
        self.history = found["history"]
        self.best_iteration = int(found["best_iteration"])
        if reader.has("best/meta"):
            core = trainer.snapshot()
            users, items = core.user_factors.shape[0], core.item_factors.shape[0]
            self._best_model = _core.Model.load(reader, "best", users, items)
            self._best_metric = self.history[self.best_iteration - 1]["metric"]
