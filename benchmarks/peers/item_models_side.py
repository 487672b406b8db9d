"""One library's models for `item_models.py`, inside that library's environment.

    python item_models_side.py LIBRARY TASK.npz OUT_FOLDER INDEX.json

As in `peer_models.py`, whose models and grids these are, but for new items alone: the setting with
the best NDCG@20 on the validation window is fitted again on the whole of training.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import protocol
from judge import judge
from peer_models import LIBRARIES
from threadpoolctl import threadpool_limits

# Popularity and factorizations of other kinds are judged in `online_retail.py`.
LEFT_OUT = {"Popular, 28 days", "PureSVD", "BPR", "item-kNN cosine"}


def main() -> None:
    warnings.filterwarnings("ignore")  # the libraries say how long a conversion took
    library, task, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    valid, test = protocol.load(task, "valid"), protocol.load(task, "test")
    timed = bool(np.ptp(test.last) > 0)
    seen, truth = valid.seen(), valid.truth()
    index = []
    with threadpool_limits(2):
        for name, scorer, settings in LIBRARIES[library]():
            if name in LEFT_OUT or ("recency" in name and not timed):
                continue
            reached = []
            for setting in settings:
                values = judge(scorer(valid, setting), seen, truth, repeats=False, with_auc=False)
                reached.append(float(np.nanmean(values["ndcg@20"])))
            chosen = settings[int(np.argmax(reached))]
            started = time.perf_counter()
            scores = scorer(test, chosen)
            seconds = time.perf_counter() - started
            file = out / f"{library}-{len(index)}.npy"
            np.save(file, scores.astype(np.float32))
            index.append(
                {
                    "model": name,
                    "library": library,
                    "version": version(library),
                    "settings": chosen,
                    "settings_tried": len(settings),
                    "fit_seconds": round(seconds, 2),
                    "file": str(file),
                }
            )
            print(f"  {library} {name}: {seconds:.1f} s", file=sys.stderr, flush=True)
    Path(sys.argv[4]).write_text(json.dumps(index))


if __name__ == "__main__":
    main()
