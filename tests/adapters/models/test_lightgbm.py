from __future__ import annotations

import numpy as np
import pytest

from tallystick.adapters.models.lightgbm import LightGBMFamily, LightGBMLoader
from tallystick.contracts.errors import ArtifactError

NAMES = ("a", "b", "c")


def data(rows: int = 600) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 3))
    y = np.where(x[:, 0] > 0, 1.0, -1.0) + 0.1 * rng.normal(size=rows)
    x[rng.random(x.shape) < 0.05] = np.nan
    return x, y


@pytest.fixture(scope="module")
def fitted():
    x, y = data()
    return LightGBMFamily(trees=12).fit(x, y, NAMES, seed=7, threads=1)


@pytest.mark.clause("D1.58", "D1.64")
def test_native_text_is_written_and_loads_to_the_same_bits(fitted) -> None:
    x, _ = data()
    files = fitted.files()
    assert set(files) == {"model.txt"}
    assert f"model.{LightGBMFamily().extension}" in files
    loaded = LightGBMLoader().load(files, 3)
    np.testing.assert_array_equal(loaded.predict(x), fitted.predict(x))
    assert loaded.predict(np.empty((0, 3))).shape == (0,)


def test_one_row_predicts_as_in_the_batch(fitted) -> None:
    x, _ = data(50)
    batch = fitted.predict(x)
    assert [fitted.predict(x[row : row + 1])[0] for row in range(50)] == batch.tolist()


def test_same_rows_and_seed_give_the_same_bytes_on_one_thread_and_two(fitted) -> None:
    x, y = data()
    again = LightGBMFamily(trees=12).fit(x, y, NAMES, seed=7, threads=1)
    two = LightGBMFamily(trees=12).fit(x, y, NAMES, seed=7, threads=2)
    assert again.files() == fitted.files()
    np.testing.assert_array_equal(two.predict(x), fitted.predict(x))


def test_importance_finds_the_feature_that_matters(fitted) -> None:
    importance = fitted.importance()
    assert max(importance, key=importance.__getitem__) == "a"
    assert sum(importance.values()) == pytest.approx(1.0)
    assert fitted.parameters()["num_boost_round"] == 12
    assert next(iter(LightGBMFamily().versions())) == "lightgbm"


def test_text_holds_nothing_of_this_machine(fitted) -> None:
    text = fitted.files()["model.txt"].decode()
    assert "[data: ]" in text
    assert "[machines: ]" in text


def test_model_cut_at_any_place_is_refused(fitted) -> None:
    text = fitted.files()["model.txt"]
    for end in range(0, text.index(b"end of parameters"), 97):
        with pytest.raises(ArtifactError, match=r"model\.txt"):
            LightGBMLoader().load({"model.txt": text[:end]}, 3)


def test_damaged_tree_is_refused_before_the_library_reads_it(fitted) -> None:
    text = fitted.files()["model.txt"].decode()
    for old, new in (
        ("num_leaves=", "num_leavez="),
        ("tree_sizes=", "tree_sizes=9"),
        ("left_child=", "left_child=99 "),
        ("max_feature_idx=2", "max_feature_idx=x"),
        ("num_cat=0", "num_cat=1"),
        ("shrinkage=", "shrinkage=q"),
    ):
        with pytest.raises(ArtifactError):
            LightGBMLoader().load({"model.txt": text.replace(old, new, 1).encode()}, 3)


def test_refuses_another_number_of_features_missing_files_and_binary(fitted) -> None:
    with pytest.raises(ArtifactError, match="4 features, found 3"):
        LightGBMLoader().load(fitted.files(), 4)
    with pytest.raises(ArtifactError, match=r"expected model\.txt"):
        LightGBMLoader().load({}, 3)
    with pytest.raises(ArtifactError, match="not text"):
        LightGBMLoader().load({"model.txt": b"\xff\xfe\x00"}, 3)
