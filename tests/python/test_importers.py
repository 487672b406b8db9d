"""Forests from other libraries: their scores, predictions and explanations, in and out again."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import penchant as pn
from penchant.errors import BadDataError, InvalidArgumentError, PenchantIOError

GOLDEN = Path(__file__).parents[1] / "golden" / "forests"
MODELS = sorted(
    path
    for path in GOLDEN.iterdir()
    if path.suffix in (".txt", ".json", ".ubj") and path.stem != "catboost_ctr"
)


def read(path: Path) -> pn.ranking.Forest:
    library = path.stem.split("_")[0].rstrip("2")
    return getattr(pn.ranking, f"import_{library}")(path)


def table(path: Path) -> dict[str, np.ndarray]:
    with open(path.with_suffix(".csv")) as lines:
        names, *rows = list(csv.reader(lines))
    values = np.array(rows, dtype=np.float64)
    part = np.array([name.rstrip("0123456789") for name in names])
    return {name: values[:, part == name] for name in ("x", "raw", "pred", "shap")}


def tolerance(path: Path) -> float:
    """LightGBM and CatBoost add in double precision, XGBoost in single."""
    return 1e-6 if path.stem.startswith("xgboost") else 1e-12


def largest_difference(ours, theirs):
    return float((np.abs(ours - theirs) / (1 + np.abs(theirs))).max())


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_scores_and_predictions_equal_the_source_librarys(path):
    forest, known = read(path), table(path)
    for ours, theirs in (
        (forest.predict_raw(known["x"]), known["raw"]),
        (forest.predict(known["x"]), known["pred"]),
    ):
        difference = largest_difference(ours.reshape(len(theirs), -1), theirs)
        assert difference <= tolerance(path), f"{path.name}: largest difference {difference:.2e}"


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_explanations_add_up_to_the_score(path):
    forest, known = read(path), table(path)
    raw = known["raw"].reshape(len(known["x"]), forest.num_outputs)
    for background in (None, known["x"][:20]):
        values = forest.shap_values(known["x"], background=background, threads=2)
        values = values.reshape(len(raw), forest.num_outputs, forest.num_features + 1)
        assert largest_difference(values.sum(axis=2), raw) <= tolerance(path)
        one = forest.shap_values(known["x"], background=background)
        assert np.array_equal(one.reshape(values.shape), values)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_a_forest_written_for_lightgbm_scores_the_same_to_the_bit(path):
    forest, x = read(path), table(path)["x"]
    if "categorical" in path.stem or "one_hot" in path.stem:
        arrays = forest.to_arrays()
        if (arrays["missing_left"] & (arrays["categories"] >= 0)).any():
            with pytest.raises(InvalidArgumentError, match="missing values"):
                forest.to_lightgbm_text()
            return
    again = pn.ranking.import_lightgbm(forest.to_lightgbm_text())
    assert np.array_equal(again.predict_raw(x), forest.predict_raw(x))
    assert np.array_equal(again.predict(x), forest.predict(x))


def test_doubles_between_floats_go_the_same_way_after_the_export():
    forest = read(GOLDEN / "xgboost_binary.json")
    arrays = forest.to_arrays()
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, forest.num_features))
    for column in range(forest.num_features):
        known = arrays["threshold"][arrays["feature"] == column]
        if known.size:  # on the middles between floats, and one double beside them
            low = rng.choice(known, 2000).astype(np.float32)
            middle = (low.astype(np.float64) + np.nextafter(low, np.float32(9)).astype(float)) / 2
            x[:, column] = np.nextafter(middle, rng.choice([-9.0, 9.0], 2000))
            x[::3, column] = middle[::3]
    again = pn.ranking.import_lightgbm(forest.to_lightgbm_text())
    assert not again.to_arrays()["float32_inputs"]
    assert np.array_equal(again.predict_raw(x), forest.predict_raw(x))


class Booster:
    """A live model, as far as importers ask."""

    def __init__(self, content: bytes):
        self.content = content
        self.sliced: slice | None = None

    def model_to_string(self):
        return self.content.decode()

    def __getitem__(self, part):
        self.sliced = part
        return self

    def save_raw(self, raw_format):
        assert raw_format == "ubj"
        return bytearray(self.content)


def test_a_source_is_a_path_a_text_bytes_or_a_live_model():
    path = GOLDEN / "lightgbm_binary.txt"
    x, expected = table(path)["x"], read(path).predict_raw(table(path)["x"])

    class Classifier:
        booster_ = Booster(path.read_bytes())

    for source in (path, str(path), path.read_text(), path.read_bytes(), Classifier.booster_,
                   Classifier()):  # fmt: skip
        assert np.array_equal(pn.ranking.import_lightgbm(source).predict_raw(x), expected)

    path = GOLDEN / "xgboost_binary.ubj"
    booster = Booster(path.read_bytes())

    class Stopped:
        best_iteration = 4

        def get_booster(self):
            return booster

    expected = read(path).predict_raw(x)
    for source in (path, path.read_bytes(), path.with_suffix(".json").read_text(), Stopped()):
        assert np.allclose(pn.ranking.import_xgboost(source).predict_raw(x), expected)
    assert booster.sliced == slice(None, 5)

    class CatBoost:
        def save_model(self, target, format):
            assert format == "json"
            Path(target).write_bytes((GOLDEN / "catboost_rank.json").read_bytes())

    assert pn.ranking.import_catboost(CatBoost()).num_trees == 8


def test_refusals_say_what_is_wrong_and_where(tmp_path):
    with pytest.raises(BadDataError, match="line 1"):
        pn.ranking.import_lightgbm(b"nothing of the kind")
    text = (GOLDEN / "lightgbm_binary.txt").read_text()
    with pytest.raises(BadDataError, match="linear_tree=false"):
        pn.ranking.import_lightgbm(text.replace("is_linear=0", "is_linear=1"))
    with pytest.raises(BadDataError, match="objective 'regression sqrt'"):
        pn.ranking.import_lightgbm(text.replace("binary sigmoid:1.5", "regression sqrt"))
    with pytest.raises(BadDataError, match="one_hot_max_size"):
        pn.ranking.import_catboost(GOLDEN / "catboost_ctr.json")
    text = (GOLDEN / "xgboost_binary.json").read_text()
    with pytest.raises(BadDataError, match="booster 'gblinear'"):
        pn.ranking.import_xgboost(text.replace('"name":"gbtree"', '"name":"gblinear"'))
    with pytest.raises(BadDataError, match="one_output_per_tree"):
        pn.ranking.import_xgboost(text.replace('"size_leaf_vector":"1"', '"size_leaf_vector":"3"'))
    with pytest.raises(BadDataError, match=r"model\.learner: .*learner_model_param"):
        pn.ranking.import_xgboost(text.replace("learner_model_param", "else"))
    with pytest.raises(PenchantIOError, match="missing"):
        pn.ranking.import_lightgbm(tmp_path / "missing.txt")
    with pytest.raises(InvalidArgumentError, match="not int"):
        pn.ranking.import_xgboost(7)


def test_an_imported_forest_is_kept_like_any_other():
    path = GOLDEN / "xgboost_categorical.ubj"
    forest, x = read(path), table(path)["x"]
    again = pn.ranking.Forest.from_bytes(forest.to_bytes())
    assert again.feature_names == [f"feature_{i}" for i in range(6)]
    assert np.array_equal(again.predict(x), forest.predict(x))
    assert np.array_equal(again.shap_values(x), forest.shap_values(x))
