"""Options that every command which tests a strategy shares: which bars, which strategy, what trading costs. Their names are those of a settings file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

ConfigOption = Annotated[str | None, typer.Option("--config", help="YAML or JSON file with the same names; flags win.")]
RequestOption = Annotated[str | None, typer.Option(help="Recorded in the run's metadata.")]
ParamOption = Annotated[list[str] | None, typer.Option("--param", help="A parameter of the strategy, NAME=VALUE; may be repeated. See: strategies list.")]
EndOption = Annotated[str | None, typer.Option(help="Open times before this [default: after the last bar].")]
CashOption = Annotated[float | None, typer.Option(help="Quote units [default: 10000].")]

_TEXT, _NUMBER, _FLAG = str | None, float | None, bool | None
RUN_OPTIONS: Mapping[str, Any] = {
    "ticker": Annotated[_TEXT, typer.Option(help="Symbols, comma-separated [default: the live pool's, else every stored one].")],
    "pool_from": Annotated[_TEXT, typer.Option(help="Trade what was in the pool at the time: history (the local releases), or an object store's address.")],
    "pool_version": Annotated[_TEXT, typer.Option(help="Which release the live pool must be; refused where it is another.")],
    "venue": Annotated[_TEXT, typer.Option(help="Whose bars [default: the only one in the lake].")],
    "interval": Annotated[_TEXT, typer.Option(help="Bar interval [default: 1h].")],
    "start": Annotated[_TEXT, typer.Option(help="First open time [default: the first bar].")],
    "end": EndOption,
    "strategy": Annotated[_TEXT, typer.Option(help="See: tallystick strategies list [default: rsi_ma_cross_v2].")],
    "models": Annotated[_TEXT, typer.Option(help="For model_forecast: the training run whose model forecasts [default: the newest].")],
    "model": Annotated[_TEXT, typer.Option(help="Which of its models, TARGET/FAMILY [default: the best rank correlation out of fold].")],
    "in_sample": Annotated[_FLAG, typer.Option("--in-sample", help="Test bars that the model has seen all the same; the report is marked.")],
    "fee": Annotated[_NUMBER, typer.Option(help="Fraction of each fill's notional [default: 0.002].")],
    "slippage_bps": Annotated[_NUMBER, typer.Option(help="Basis points beyond the touch [default: 8].")],
    "slippage_mode": Annotated[_TEXT, typer.Option(help="fixed or atr [default: fixed].")],
    "k_atr": Annotated[_NUMBER, typer.Option(help="Slippage in ATR, under mode atr [default: 0.05].")],
    "spread_bps": Annotated[_NUMBER, typer.Option(help="Full spread in basis points [default: 0].")],
    "funding_rate": Annotated[
        _NUMBER, typer.Option(help="Fraction of a position that the long pays at each funding time; below 0 the short pays [default: 0].")
    ],
    "volume_share": Annotated[_NUMBER, typer.Option(help="Fraction of a bar's volume that orders may take; 0: no limit [default: 0].")],
    "leverage": Annotated[_NUMBER, typer.Option(help="Highest gross position over equity [default: 1].")],
    "liquidation_fee": Annotated[_NUMBER, typer.Option(help="Fraction of notional on top of the fee when a position is taken away [default: 0].")],
    "initial_cash": CashOption,
}


def with_run_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command, which takes them as `**settings`, the shared options before its own."""
    own = [item.replace(kind=item.KEYWORD_ONLY) for item in inspect.signature(command, eval_str=True).parameters.values() if item.kind is not item.VAR_KEYWORD]
    shared = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind) for name, kind in RUN_OPTIONS.items()]
    command.__annotations__ = {item.name: item.annotation for item in (*shared, *own)}
    command.__dict__["__signature__"] = inspect.Signature([*shared, *own])
    return command


def pairs(given: list[str] | None, flag: str) -> dict[str, str]:
    """NAME=VALUE options by name. Raises ConfigurationError for text without `=`, or a name that is given twice."""
    from tallystick.contracts.errors import ConfigurationError

    found: dict[str, str] = {}
    for item in given or ():
        name, mark, value = item.partition("=")
        if not mark or not name or not value:
            raise ConfigurationError(f"expected {flag} NAME=VALUE, found {item!r}", where=flag)
        if name in found:
            raise ConfigurationError(f"expected {flag} {name} once, found it twice", where=flag)
        found[name.replace("-", "_")] = value
    return found


def asked(settings: Mapping[str, Any], param: list[str] | None) -> dict[str, Any]:
    """What flags ask, under the names of a settings file; `--param` gathered under strategy_params."""
    fixed = pairs(param, "--param")
    return {name: value for name, value in settings.items() if value is not None} | ({"strategy_params": fixed} if fixed else {})
