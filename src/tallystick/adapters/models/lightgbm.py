"""LightGBM: gradient-boosted trees, kept in the library's own text format; missing features are left to the trees."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from tallystick.contracts.errors import ArtifactError, DataError

DEFAULT_PARAMETERS: Mapping[str, Any] = {
    "num_leaves": 15,
    "max_depth": 8,
    "learning_rate": 0.03,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l1": 0.1,
    "lambda_l2": 1.0,
    "max_bin": 63,
}
"""Small on purpose: hourly returns are mostly noise, and more leaves learn it."""


_NUMBER = re.compile(r"^-?(\d+(\.\d+)?(e[+-]\d+)?|inf|nan)$")
_TREE_FIELDS = frozenset(
    [
        "Tree",
        "num_leaves",
        "num_cat",
        "split_feature",
        "split_gain",
        "threshold",
        "decision_type",
        "left_child",
        "right_child",
        "leaf_value",
        "leaf_weight",
        "leaf_count",
        "internal_value",
        "internal_weight",
        "internal_count",
        "is_linear",
        "shrinkage",
    ]
)


@dataclass(frozen=True, slots=True)
class LightGBMModel:
    """A fitted booster."""

    booster: Any
    feature_names: tuple[str, ...]
    used: Mapping[str, Any]

    def predict(self, x: NDArray[float64]) -> NDArray[float64]:
        """Predictions float64[N] for x[N, F]; one thread, and the same bits for one row as for many."""
        if x.shape[0] == 0:
            return np.empty(0)
        return np.asarray(self.booster.predict(x, num_threads=1), dtype=np.float64)

    def files(self) -> Mapping[str, bytes]:
        """`model.txt`."""
        return {"model.txt": self.booster.model_to_string(importance_type="gain").encode()}

    def importance(self) -> Mapping[str, float]:
        """Share of the total gain of each feature."""
        gains = self.booster.feature_importance(importance_type="gain").tolist()
        total = sum(gains)
        return {name: gain / total if total > 0.0 else 0.0 for name, gain in zip(self.feature_names, gains, strict=True)}

    def parameters(self) -> Mapping[str, Any]:
        """Parameters as given to the library."""
        return dict(self.used)


@dataclass(frozen=True, slots=True)
class LightGBMFamily:
    """Fits LightGBM regressors, deterministic on one thread. `parameters` override the defaults."""

    trees: int = 100
    parameters: Mapping[str, Any] = field(default_factory=dict)
    family: str = "LightGBM"
    extension: str = "txt"
    objective: str = "mean squared error"
    normalization: str = "none: trees split on raw values"

    def prepare(self) -> None:
        """Import the library."""
        import lightgbm  # noqa: F401

    def versions(self) -> Mapping[str, str]:
        """Versions of the libraries that decide the model's bytes."""
        return {"lightgbm": version("lightgbm"), "numpy": version("numpy")}

    def fit(self, x: NDArray[float64], y: NDArray[float64], feature_names: Sequence[str], *, seed: int, threads: int) -> LightGBMModel:
        """Fit on x[N, F], y[N]. Raises DataError when the library refuses the data."""
        import lightgbm

        lightgbm.register_logger(logging.getLogger("lightgbm"))
        used = {
            **DEFAULT_PARAMETERS,
            # A leaf needs the same share of rows whether a pooled panel or one symbol is fitted.
            "min_data_in_leaf": max(20, x.shape[0] // 100),
            **self.parameters,
            "objective": "regression",
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": threads,
            "verbosity": -1,
        }
        try:
            data = lightgbm.Dataset(x, y, feature_name=list(feature_names), params={"max_bin": used["max_bin"], "verbosity": -1})
            booster = lightgbm.train(dict(used), data, num_boost_round=self.trees)
        except lightgbm.basic.LightGBMError as error:
            raise DataError(f"LightGBM refused {x.shape[0]} rows of {x.shape[1]} features: {error}") from error
        return LightGBMModel(booster=booster, feature_names=tuple(feature_names), used={**used, "num_boost_round": self.trees})


@dataclass(frozen=True, slots=True)
class LightGBMLoader:
    """Loads verified bytes of a LightGBM model for prediction."""

    family: str = "LightGBM"
    extensions: tuple[str, ...] = ("txt",)

    def load(self, files: Mapping[str, bytes], n_features: int) -> LightGBMModel:
        """A predictor from `model.txt`. Raises ArtifactError when it is missing, damaged, or made for another number of features."""
        import lightgbm

        if "model.txt" not in files:
            raise ArtifactError(f"expected model.txt of a LightGBM model, found {sorted(files)}")
        try:
            text = files["model.txt"].decode()
        except UnicodeDecodeError as error:
            raise _damaged(f"bytes that are not text: {error}") from error
        require_whole_model(text, n_features)
        lightgbm.register_logger(logging.getLogger("lightgbm"))
        try:
            booster = lightgbm.Booster(model_str=text)
        except lightgbm.basic.LightGBMError as error:
            raise _damaged(f"text it refuses: {error}") from error
        return LightGBMModel(booster=booster, feature_names=tuple(booster.feature_name()), used={})


def _damaged(found: str) -> ArtifactError:
    return ArtifactError(f"expected the whole text of a LightGBM model, found {found}", where="model.txt", hint="Train again, or restore the file")


def require_whole_model(text: str, n_features: int) -> None:
    """Refuse a text that the library's parser would run past the end of: reproduced, a cut model ends the process instead of raising.

    The header gives the length of every tree; each tree must begin where the one before ended, have as many splits and leaves as it says, and point
    only inside itself. Raises ArtifactError.
    """
    header, blank, body = text.partition("\n\n")
    fields = dict(line.partition("=")[::2] for line in header.splitlines())
    try:
        sizes = [int(size) for size in fields["tree_sizes"].split()]
        columns = int(fields["max_feature_idx"]) + 1
    except (KeyError, ValueError) as error:
        raise _damaged(f"a header without tree_sizes or max_feature_idx: {error}") from error
    if columns != n_features:
        raise ArtifactError(f"expected a model of {n_features} features, found {columns}", where="model.txt")
    data = body.encode()
    position = 0
    for number, size in enumerate(sizes):
        block = data[position : position + size].decode("utf-8", "replace")
        if len(data) < position + size or not block.startswith(f"Tree={number}\n"):
            raise _damaged(f"tree {number} of {len(sizes)} cut or misplaced")
        _require_whole_tree(block, number, n_features)
        position += size
    rest = data[position:].lstrip(b"\n")
    if not blank or not rest.startswith(b"end of trees\n") or b"\nend of parameters\n" not in rest:
        raise _damaged(f"no end after {len(sizes)} trees")


def _require_whole_tree(block: str, number: int, n_features: int) -> None:
    fields = dict(line.partition("=")[::2] for line in block.splitlines() if line)
    lost = _TREE_FIELDS.symmetric_difference(fields)
    if lost:
        raise _damaged(f"tree {number} with fields missing or unknown: {', '.join(sorted(lost))[:80]}")
    lists = {name: text.split() for name, text in fields.items()}
    if not all(_NUMBER.match(value) for values in lists.values() for value in values):
        raise _damaged(f"tree {number} with a value that is no number")
    try:
        leaves = int(fields["num_leaves"])
        children = sorted(int(child) for name in ("left_child", "right_child") for child in lists[name])
        inside = all(0 <= int(feature) < n_features for feature in lists["split_feature"])
    except ValueError as error:
        raise _damaged(f"tree {number} with a field that is no whole number: {error}") from error
    counts = {len(lists[name]) for name in ("split_feature", "left_child", "right_child", "threshold", "decision_type")}
    # Every leaf, and every split but the first, hangs below exactly one split: no circle can be reached from the top.
    linked = children == [*range(-leaves, 0), *range(1, leaves - 1)]
    if leaves < 1 or counts != {leaves - 1} or len(lists["leaf_value"]) != leaves or fields["num_cat"] != "0" or not inside or not (linked or leaves == 1):
        raise _damaged(f"tree {number} whose fields do not fit its {leaves} leaves")
