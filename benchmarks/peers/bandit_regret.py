"""Regret of our policies and of Vowpal Wabbit's SquareCB on worlds whose best decisions are known.

    .venv/bin/python benchmarks/peers/bandit_regret.py [--seeds 10] [--worlds linear drifting]
    .venv/bin/python benchmarks/peers/bandit_regret.py --again    # with the settings chosen before
    .venv/bin/python benchmarks/peers/bandit_regret.py --quick

Contexts of 16 columns; 10 or 100 arms that have nothing in common (`sharing=0`), a model an arm on
every side; costs of Vowpal Wabbit are 0 or 1 less the reward. Each setting of a grid is played on
`--choosing-seeds` worlds of their own; the one with the least mean regret is played on the
`--seeds` worlds that count, where each side meets the same contexts and the same luck. LinUCB's
alpha is .5 throughout. "vw default" is `--cb_explore_adf --squarecb` with nothing set but the
interaction of context and arm, and costs of minus the reward. In brackets: 95 % intervals over
worlds (Student-t); ratios to Vowpal Wabbit, chosen and default, are of sums, their intervals a
paired bootstrap over worlds.
Prints a table and writes the worlds played to `benchmarks/results/bandit_regret.json`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import environments
import numpy as np
from scipy import stats

import penchant as pn

RESULTS = environments.ROOT / "benchmarks" / "results" / "bandit_regret.json"
WORLDS: dict[str, dict[str, Any]] = {
    "linear, 10 arms": {"kind": "linear", "arms": 10, "rounds": 10000},
    "linear, 100 arms": {"kind": "linear", "arms": 100, "rounds": 10000},
    "logistic, 10 arms": {"kind": "logistic", "arms": 10, "rounds": 10000},
    "neural, 10 arms": {"kind": "neural", "arms": 10, "rounds": 10000},
    "drifting logistic, 10 arms": {
        "kind": "logistic", "arms": 10, "rounds": 10000, "drift": 0.5,
    },
}  # fmt: skip
DIMENSION = 16
FIRST_CHOOSING_SEED = 1000
CHOSEN, DEFAULT = "vw SquareCB", "vw default"  # what ratios are taken to


def grid(**values: list[Any]) -> list[dict[str, Any]]:
    return [dict(zip(values, each, strict=True)) for each in itertools.product(*values.values())]


def settings_of(world: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the settings that each side chooses from."""
    drifts = "drift" in world
    vw = grid(
        gamma_scale=[10, 100, 1000],
        learning_rate=[0.5, 2.0],
        **({"power_t": [0.0, 0.5]} if drifts else {}),
    )
    vw += [{**each, "ignore_linear": "U"} for each in vw]
    discount = {"discount": [1.0, 0.999, 0.995]} if drifts else {}
    plain = {"intercept": [False, True]}  # contexts have a constant; Vowpal Wabbit adds its own
    ours = {
        "LinUCB": grid(alpha=[0.5], **plain, **discount),
        "SquareCB": grid(gamma=[10.0, 100.0, 1000.0], **plain, **discount),
    }
    if world["kind"] != "linear":
        ours["LogisticTS"] = grid(scale=[0.25, 0.5, 1.0], **plain, **discount)
    return {
        CHOSEN: [
            {"policy": "vw", "offset": offset, "options": options}
            for offset, options in itertools.product((0.0, 1.0), vw)
        ],
        DEFAULT: [{"policy": "vw", "offset": 0.0, "options": {}}],
        **{
            name: [{"policy": name, "options": options} for options in choices]
            for name, choices in ours.items()
        },
    }


class Bench:
    """Plays settings on the worlds of one kind."""

    def __init__(self, world: dict[str, Any], options: argparse.Namespace, folder: Path) -> None:
        self._world, self._options, self._folder = dict(world), options, folder
        self._rounds = self._world.pop("rounds") if not options.quick else 1000

    def regret(self, side: str, settings: list[dict[str, Any]], seed: int) -> np.ndarray:
        """Return the regret of each setting by round, [settings, rounds]."""
        knobs = {name: value for name, value in self._world.items() if name != "rounds"}
        world = pn.simulate.bandit(dimension=DIMENSION, sharing=0.0, seed=seed, **knobs)
        rounds = np.arange(self._rounds)
        contexts = world.truth.contexts(rounds)
        expected = world.truth.expected(contexts, rounds)
        name = f"{side.replace(' ', '-')}-{seed}"
        task, answer = self._folder / f"{name}.npz", self._folder / f"{name}-answer.npz"
        np.savez(task, contexts=contexts, table=world.truth.rewards(expected, rounds), seed=seed)
        environments.run(
            "bandits" if side.startswith("vw") else None,
            "bandit_regret_side.py", task, answer, json.dumps(settings), threads=1,
        )  # fmt: skip
        with np.load(answer) as found:
            chosen = found["chosen"]
        task.unlink()
        answer.unlink()
        missed = expected.max(axis=1) - expected[rounds, chosen]
        return np.cumsum(missed, axis=1)

    def many(self, side: str, settings: list[dict[str, Any]], seeds: range) -> np.ndarray:
        """Return the regret of settings on several worlds, [seeds, settings, rounds]."""
        with ThreadPoolExecutor(self._options.threads) as pool:
            return np.stack(list(pool.map(lambda seed: self.regret(side, settings, seed), seeds)))

    def choose(
        self, side: str, settings: list[dict[str, Any]], before: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the setting of the least regret on worlds of their own, or the one before."""
        if len(settings) == 1:
            return settings[0]
        if side in before:
            return next(
                one for one in settings
                if {k: v for k, v in one.items() if k != "policy"} == before[side]
            )  # fmt: skip
        first = FIRST_CHOOSING_SEED
        choosing = range(first, first + self._options.choosing_seeds)
        totals = self.many(side, settings, choosing)[:, :, -1].mean(axis=0)
        return settings[int(totals.argmin())]

    def compare(self, before: dict[str, Any]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        bases: dict[str, np.ndarray] = {}
        for side, settings in settings_of(self._world).items():
            chosen = self.choose(side, settings, before)
            curves = self.many(side, [chosen], range(self._options.seeds))[:, 0]
            totals = curves[:, -1]
            bases[side] = totals
            half = stats.t.ppf(0.975, len(totals) - 1) * totals.std(ddof=1) / len(totals) ** 0.5
            rows.append(
                {
                    "side": side,
                    "setting": {k: v for k, v in chosen.items() if k != "policy"},
                    "regret": float(totals.mean()),
                    "low": float(totals.mean() - half),
                    "high": float(totals.mean() + half),
                    **ratio_to(totals, bases[CHOSEN], "ratio"),
                    **(ratio_to(totals, bases[DEFAULT], "default") if DEFAULT in bases else {}),
                    "curve": [float(v) for v in curves.mean(axis=0)[99::100]],
                }
            )
        return rows


def ratio_to(totals: np.ndarray, base: np.ndarray, name: str) -> dict[str, float]:
    """Return the ratio of sums over worlds, and its interval by a paired bootstrap."""
    draws = np.random.default_rng(0).integers(0, len(totals), (2000, len(totals)))
    ratios = totals[draws].sum(axis=1) / base[draws].sum(axis=1)
    return {
        name: float(totals.sum() / base.sum()),
        f"{name}_low": float(np.quantile(ratios, 0.025)),
        f"{name}_high": float(np.quantile(ratios, 0.975)),
    }


def told(row: dict[str, Any], name: str) -> str:
    """A ratio and its interval."""
    if name not in row:
        return " " * 17
    return f"{row[name]:.2f} [{row[f'{name}_low']:.2f}, {row[f'{name}_high']:.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--choosing-seeds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2, help="worlds played at once")
    parser.add_argument("--worlds", nargs="*", default=[""], help="those whose name begins so")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--again", action="store_true", help="settings as in the output's file")
    parser.add_argument("--quick", action="store_true", help="a look while working; writes nothing")
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.choosing_seeds = 3, 1
    environments.ensure("bandits")
    machine = environments.machine()
    print(f"{machine['cpu']}, {options.seeds} worlds each; contexts of {DIMENSION} columns")
    kept = json.loads(options.output.read_text()) if options.output.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        for name, world in WORLDS.items():
            if not name.startswith(tuple(options.worlds)):
                continue
            print(f"\n{name}")
            chosen = kept.get(name, {}).get("rows", []) if options.again else []
            before = {row["side"]: row["setting"] for row in chosen}
            rows = Bench(world, options, Path(folder)).compare(before)
            for row in rows:
                print(
                    f"  {row['side']:<12}{row['regret']:>8.0f} [{row['low']:.0f}, "
                    f"{row['high']:.0f}]  {told(row, 'ratio')}  {told(row, 'default')}  "
                    f"{row['setting']}",
                    flush=True,
                )
            kept[name] = {
                "machine": machine,
                "date": time.strftime("%Y-%m-%d"),
                "seeds": options.seeds,
                "choosing_seeds": options.choosing_seeds,
                "peers": environments.sections()["bandits"],
                "world": world,
                "rows": rows,
            }
    if options.quick:
        return
    options.output.parent.mkdir(parents=True, exist_ok=True)
    ordered = {name: kept[name] for name in WORLDS if name in kept}
    options.output.write_text(json.dumps(ordered, indent=1) + "\n")
    print(f"written: {options.output}")


if __name__ == "__main__":
    main()
