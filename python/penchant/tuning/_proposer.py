"""Optuna, asked for one trial at a time so that a resumed search goes on as if never stopped."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import InvalidArgumentError, UnavailableError
from ._space import Choice, Dimension, Doubling

__all__ = ["Proposer"]

_STARTUP_TRIALS = 8  # at random, before TPE has something to go on


def _optuna() -> Any:
    try:
        with warnings.catch_warnings():
            # It asks tqdm for a notebook's bar, which asks for widgets that nobody needs here.
            warnings.filterwarnings("ignore", message="IProgress not found")
            import optuna
    except ImportError as error:
        raise UnavailableError("tune needs Optuna: pip install 'penchant[tune]'") from error
    return optuna


@contextlib.contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """Optuna logs to stderr by itself; here nothing is printed unless asked for."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


class Proposer:
    """Asks Optuna's TPE sampler (Bergstra et al. 2011) what to try next.

    Its random numbers are keyed by the seed and the number of trials that ended, and trials cut
    short are forgotten: a search that was stopped and resumed proposes what it would have.

    Parameters
    ----------
    space : mapping of str to dimension
    seed : int
    identity : dict
        What the search is about; a stored one about something else is refused.
    storage : path, optional
        Where to keep the trials (Optuna's journal). None: in memory.

    Raises
    ------
    InvalidArgumentError
        When the storage holds another search.
    UnavailableError
        When Optuna is not installed.
    """

    def __init__(
        self,
        space: Mapping[str, Dimension],
        *,
        seed: int,
        identity: dict[str, Any],
        storage: str | Path | None = None,
    ) -> None:
        self._optuna = _optuna()
        self._seed = seed
        self._dimensions = dict(space)
        self._distributions = {name: self._distribution(each) for name, each in space.items()}
        with _quiet(self._optuna):
            self._study = self._optuna.create_study(
                storage=self._storage(storage),
                study_name="penchant",
                direction="maximize",
                load_if_exists=True,
            )
            self._claim(identity, storage)
            for trial in self._study.get_trials(deepcopy=False):
                if trial.state == self._optuna.trial.TrialState.RUNNING:
                    self._study.tell(trial.number, state=self._optuna.trial.TrialState.FAIL)

    def _distribution(self, each: Dimension) -> Any:
        distributions = self._optuna.distributions
        if isinstance(each, Choice):
            return distributions.CategoricalDistribution(each.values)
        if isinstance(each, Doubling):
            return distributions.IntDistribution(each.low, each.high, log=True)
        if each.integer:
            return distributions.IntDistribution(int(each.low), int(each.high), log=each.log)
        return distributions.FloatDistribution(each.low, each.high, log=each.log)

    def _storage(self, path: str | Path | None) -> Any:
        if path is None:
            return None
        journal = self._optuna.storages.journal
        return self._optuna.storages.JournalStorage(journal.JournalFileBackend(str(path)))

    def _claim(self, identity: dict[str, Any], storage: str | Path | None) -> None:
        mine = json.loads(json.dumps(identity))
        stored = self._study.user_attrs.get("penchant")
        if stored is None:
            self._study.set_user_attr("penchant", mine)
        elif stored != mine:
            differs = sorted(key for key in mine if stored.get(key) != mine[key])
            raise InvalidArgumentError(
                f"tune: {str(storage)!r} holds another search (other {', '.join(differs)}); "
                f"give another storage="
            )

    def ended(self) -> list[dict[str, Any]]:
        """What is known of every trial that ran to its end, in their order."""
        complete = self._optuna.trial.TrialState.COMPLETE
        return [
            dict(trial.user_attrs["record"])
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state == complete or "record" in trial.user_attrs
        ]

    def record_given(self, parameters: Mapping[str, Any], record: dict[str, Any]) -> None:
        """Add a trial of parameters that were not proposed here."""
        inside = {
            name: value
            for name, value in parameters.items()
            if name in self._dimensions and self._dimensions[name].holds(value)
        }
        state = self._optuna.trial.TrialState
        failed = record["value"] is None
        with _quiet(self._optuna):
            self._study.add_trial(
                self._optuna.trial.create_trial(
                    state=state.FAIL if failed else state.COMPLETE,
                    value=None if failed else record["value"],
                    params=inside,
                    distributions={name: self._distributions[name] for name in inside},
                    user_attrs={"record": record},
                )
            )

    def propose(
        self, fixed: Mapping[str, Any], start: Mapping[str, Any] | None
    ) -> tuple[Any, dict[str, Any]]:
        """Return a running trial and its parameters.

        Parameters
        ----------
        fixed : mapping
            Parameters that are settled for this trial.
        start : mapping or None
            Try exactly these rather than what the sampler would draw.
        """
        samplers = self._optuna.samplers
        turn = len(self.ended())
        settled = {**(start or {}), **fixed}
        with _quiet(self._optuna):
            base = samplers.TPESampler(
                seed=(self._seed * 1_000_003 + turn) % 2**32, n_startup_trials=_STARTUP_TRIALS
            )
            settled = {name: value for name, value in settled.items() if name in self._dimensions}
            self._study.sampler = samplers.PartialFixedSampler(settled, base) if settled else base
            trial = self._study.ask(self._distributions)
        return trial, {**dict(trial.params), **fixed}

    def finish(self, trial: Any, record: dict[str, Any]) -> None:
        """Tell how a proposed trial went; a `value` of None means that it failed."""
        state = self._optuna.trial.TrialState
        with _quiet(self._optuna):
            trial.set_user_attr("record", record)
            if record["value"] is None:
                self._study.tell(trial, state=state.FAIL)
            else:
                self._study.tell(trial, record["value"])

    def forget(self, trial: Any) -> None:
        """Drop a trial that was cut short."""
        with _quiet(self._optuna):
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
