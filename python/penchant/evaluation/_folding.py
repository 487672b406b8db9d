"""Strong generalization: what a model is told of people that training has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from penchant.errors import InvalidArgumentError

_SHARE = 0.8  # of each subject's pairs, when fold_in is True


@dataclass(frozen=True)
class Folding:
    """A test set taken apart.

    Attributes
    ----------
    history : Dataset
        What the model folds in.
    test : Dataset
        What it is evaluated on.
    told : str
        How it was taken apart, for the protocol.
    """

    history: Any
    test: Any
    told: str

    @classmethod
    def of(cls, fold_in: Any, test: Any, seed: int) -> Self | None:
        """Take `test` apart as ``pn.evaluate(fold_in=...)`` says; None for False.

        Raises
        ------
        InvalidArgumentError
            When `fold_in` is neither a truth value, a share nor a Dataset.
        """
        from penchant.data import splits
        from penchant.data.dataset import Dataset

        if fold_in is False:
            return None
        if isinstance(fold_in, Dataset):
            return cls(fold_in, test, "a given history of each subject folded in")
        share = _SHARE if fold_in is True else fold_in
        if not isinstance(share, (int, float)) or not 0 < share < 1:
            raise InvalidArgumentError(
                f"fold_in is {fold_in!r}; it must be True, False, a share between 0 and 1, "
                "or a Dataset of histories"
            )
        history, rest = splits.random(test, test=1 - share, seed=seed)
        return cls(history, rest, f"{100 * share:.4g}% of each subject's pairs folded in")

    def view(self, model: Any) -> Any:
        """Return the model's view that knows the histories.

        Raises
        ------
        InvalidArgumentError
            When the model can't fold in.
        """
        if not hasattr(model, "fold_in"):
            raise InvalidArgumentError(
                f"fold_in: {type(model).__name__} can't fold in; evaluate it with fold_in=False"
            )
        return model.fold_in(self.history)
