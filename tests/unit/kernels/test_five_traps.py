"""The five ways in which one rule on two clocks breaks silently, each shown not to happen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.fakes.feature_bars import BENCHMARK, cut, every_family, make_panel

import tallystick
from tallystick.analysis.features import FeatureStepper, compute_history, plan_features
from tallystick.kernels import kernel as kernel_module
from tallystick.kernels.features import history_plain
from tallystick.market.bars import BarPanel

NAMES = every_family(3, 8)
PANEL = make_panel(bars=420, holes=[(2, 0, 40), (3, 150, 153)])
PACKAGE = Path(tallystick.__file__).parent
REPORT = """
import numpy as np
from tallystick.kernels.features import build_table, empty_state, history, step_all
table = build_table([("change", [3.0, 1.0])])
x = np.ones((1, 6, 2)); x[0, 3] = [100.0, 110.0]
state, out = empty_state(table, 1), np.empty((1, 1))
for t in range(2):
    step_all(table, state, t, np.ascontiguousarray(x[:, :, t]), out)
print(repr(float(history(table, x, 0)[0, 0, 1])), repr(float(out[0, 0])))
"""


def live(panel: BarPanel, stepper: FeatureStepper) -> np.ndarray:
    x = panel.stacked()
    first = panel.first_bar_number
    return np.stack([stepper.step(first + t, x[:, :, t]) for t in range(panel.bars)], axis=2)


@pytest.fixture(name="copied_package")
def copy_package(tmp_path: Path) -> Path:
    for room in ("contracts", "kernels"):
        shutil.copytree(PACKAGE / room, tmp_path / "src" / "tallystick" / room, ignore=shutil.ignore_patterns("__pycache__"))
    # Three of the four groups of kinds, and most of the fourth, are left out: what is shown needs one kind, and compiling is slow.
    for group in ("average", "extreme", "relative"):
        head = f"def run_{group}_kind(kind, params, state, lo, hi, first_bar, x, out, f, first, last):"
        stub = f"from tallystick.kernels.kernel import kernel\n\n\n@kernel\n{head}\n    return\n"
        (tmp_path / "src" / "tallystick" / "kernels" / f"{group}_loops.py").write_text(stub, encoding="utf-8")
    loops = tmp_path / "src" / "tallystick" / "kernels" / "return_loops.py"
    shown, end, _ = loops.read_text(encoding="utf-8").partition("    elif kind == VOLATILITY:\n")
    assert end
    assert "settled(change(" in shown
    loops.write_text(shown, encoding="utf-8")
    (tmp_path / "src" / "tallystick" / "__init__.py").write_text('"""A copy."""\n', encoding="utf-8")
    return tmp_path


def report(root: Path) -> list[float]:
    # Unoptimised code compiles in a fraction of the time and is cached in the same way.
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "XDG_CACHE_HOME": str(root / "cache"), "NUMBA_OPT": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run([sys.executable, "-c", REPORT], env=environment, capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


@pytest.mark.slow
def test_trap_1_an_edit_of_an_inner_kernel_changes_history_and_live_together(copied_package: Path) -> None:
    before = report(copied_package)
    inner = copied_package / "src" / "tallystick" / "kernels" / "windows.py"
    source = inner.read_text(encoding="utf-8")
    assert source.count("    return a / b\n") == 1
    inner.write_text(source.replace("    return a / b\n", "    return a / b + 1.0\n"), encoding="utf-8")
    after = report(copied_package)
    assert before == pytest.approx([0.1, 0.1])
    assert after == pytest.approx([1.1, 1.1])
    assert len(list((copied_package / "cache" / "tallystick").iterdir())) == 2


def test_trap_1_the_cache_folder_is_named_after_every_source() -> None:
    assert kernel_module.CACHE_FOLDER is None or Path(kernel_module.CACHE_FOLDER).name == kernel_module.KERNEL_SET_HASH
    assert "njit" not in "".join(source.read_text(encoding="utf-8") for source in PACKAGE.rglob("*.py") if source.name != "kernel.py")


@pytest.mark.parametrize("start", [1, 7, 50, 133])
def test_trap_2_a_cold_start_anywhere_is_bit_equal_after_the_memory(start: int) -> None:
    plan = plan_features(NAMES)
    whole = compute_history(PANEL, NAMES, BENCHMARK)[:, :, start + plan.warm_up_bars - 1 :]
    cold = compute_history(cut(PANEL, start), NAMES, BENCHMARK)[:, :, plan.warm_up_bars - 1 :]
    assert whole.shape[2] > 20
    assert np.ascontiguousarray(whole).tobytes() == np.ascontiguousarray(cold).tobytes()


def test_trap_2_one_huge_print_leaves_no_trace_once_it_has_left() -> None:
    names = ("sma_10", "zscore_10", "vol_10", "volume_ratio_10", "beta_10", "atr_10", "rsi_4", "macd_3_6_4")
    hurt = make_panel(bars=420)
    for column in (hurt.high, hurt.close, hurt.volume):
        column[1, 100] = 1e200
    clean = compute_history(make_panel(bars=420), names, BENCHMARK)[1, :, 220:]
    assert np.isfinite(clean).all()
    assert clean.tobytes() == compute_history(hurt, names, BENCHMARK)[1, :, 220:].tobytes()


def test_trap_3_the_same_source_as_plain_python_gives_the_same_bits() -> None:
    plan = plan_features(NAMES)
    x = np.concatenate([PANEL.stacked(), np.broadcast_to(PANEL.close[0], (4, 1, PANEL.bars))], axis=1)
    oracle = history_plain(plan.table, np.ascontiguousarray(x), PANEL.first_bar_number)[:, : len(NAMES)]
    assert np.ascontiguousarray(oracle).tobytes() == compute_history(PANEL, NAMES, BENCHMARK).tobytes()


def test_trap_3_no_kernel_of_a_feature_takes_a_logarithm_or_an_exponential() -> None:
    for source in PACKAGE.joinpath("kernels").glob("*_kinds.py"):
        text = source.read_text(encoding="utf-8")
        assert ".log" not in text, source
        assert ".exp" not in text, source


def test_trap_4_a_symbol_alone_has_the_bits_it_has_in_the_batch() -> None:
    names = [name for name in NAMES if not name.startswith(("cs_rank", "rs_", "beta", "corr"))]
    batch = compute_history(PANEL, names)
    for row, symbol in enumerate(PANEL.symbols):
        assert compute_history(PANEL.select([symbol]), names)[0].tobytes() == batch[row].tobytes()


def test_trap_4_history_threads_live_and_resumed_state_are_bit_equal() -> None:
    whole = compute_history(PANEL, NAMES, BENCHMARK)
    assert compute_history(PANEL, NAMES, BENCHMARK, parallel=True).tobytes() == whole.tobytes()
    stepper = FeatureStepper(NAMES, PANEL.symbols, BENCHMARK)
    early = live(cut(PANEL, 0, 211), stepper)
    resumed = FeatureStepper.from_bytes(stepper.to_bytes(), NAMES, PANEL.symbols, BENCHMARK)
    late = live(cut(PANEL, 211), resumed)
    assert np.concatenate([early, late], axis=2).tobytes() == whole.tobytes()


@pytest.mark.parametrize("value", [0.0, -1.0, np.inf, -np.inf, np.nan, 1e308, 5e-324])
def test_trap_5_no_input_raises_and_every_output_is_finite_or_no_value(value: float) -> None:
    strange = make_panel(bars=420)
    for column in (strange.open, strange.high, strange.low, strange.close, strange.volume, strange.quote_volume):
        column[1, 200:203] = value
        column[0, 201] = value
    out = compute_history(strange, NAMES, BENCHMARK)
    assert not np.isinf(out).any()
    clean = compute_history(make_panel(bars=420), NAMES, BENCHMARK)
    memory = plan_features(NAMES).warm_up_bars
    assert 203 + memory < 420
    assert out[:, :, 203 + memory :].tobytes() == clean[:, :, 203 + memory :].tobytes()
