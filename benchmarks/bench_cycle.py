"""A cross of two averages bar by bar through the whole trading cycle, journal off, beside NautilusTrader's backtest engine: one symbol and many.

Ours is the cycle of a paper session (`engine/cycle.py`: observation, policy, arbitration, gates, sizing, risk, execution at the simulated venue) without
a recorder; each entry is sized to one hundredth of equity. NautilusTrader has one strategy with two of its averages for each
symbol and trades one unit. Both see the same bars, pay 0.1 % and are compared by their entries and exits; only running is timed, not the making of bars.
`python benchmarks/bench_cycle.py --python nautilus_trader=/path/to/venv/bin/python --out cycle.json`
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from decimal import Decimal

import numpy as np
from contest import contestant, main
from generated_bars import walk

FAST, SLOW, FEE, CASH = 10, 30, 0.001, 1e9
INTERVAL_MINUTES, WARM_BARS, WEIGHT = 60, 600, 0.01
Work = tuple[Callable[[], dict[str, float]], int]


def columns_of(arguments: argparse.Namespace, symbols: int, bars: int) -> list[np.ndarray]:
    """Open, high, low, close float64[S, WARM_BARS + bars]: the first bars warm the averages of both and are not traded."""
    return [np.stack(parts) for parts in zip(*[walk(WARM_BARS + bars, arguments.seed + s) for s in range(symbols)], strict=True)]


def names_of(symbols: int) -> tuple[str, ...]:
    return tuple(f"S{s:03d}USDT" for s in range(symbols))


def our_cycle(columns: list[np.ndarray], weight: float, policy: Callable[[tuple[str, ...]], object] | None = None):  # type: ignore[no-untyped-def]
    """What makes a fresh engine on these bars, every check on; limits so wide that a losing rule goes on trading."""
    from tallystick.contracts.risk import RiskConfig
    from tallystick.decision.config import DecisionConfig
    from tallystick.decision.policies.ma_cross import MaCrossParameters
    from tallystick.decision.policies.rule_policy import RulePolicy
    from tallystick.engine.bar_feed import BarFeed
    from tallystick.engine.cycle import TradingCycle
    from tallystick.execution.position_book import PositionBook
    from tallystick.execution.simulated_venue import SimulatedVenue, VenueCosts
    from tallystick.execution.traded_instruments import traded_instrument
    from tallystick.market.bars import BarPanel
    from tallystick.market.instruments import assumed_instruments
    from tallystick.observation.governance import Observation

    count, bars = columns[0].shape
    names, step = names_of(count), INTERVAL_MINUTES * 60_000_000_000
    times = (470_000 + np.arange(bars, dtype=np.int64)) * step
    panel = BarPanel("generated", INTERVAL_MINUTES, names, times, *columns, np.full((count, bars), 1e4), columns[3] * 1e4)
    instruments = {row.venue_symbol: traded_instrument(row) for row in assumed_instruments(panel, "crypto_24_7")}
    costs = VenueCosts(taker_fee_e8=int(FEE * 1e8), spread_e8=0, slippage_e8=0, funding_rate_e8=0, volume_share=1.0, leverage_e4=10_000)
    wide = {"daily_loss_limit_pct": 100.0, "max_drawdown_limit_pct": 100.0, "breaker_single_loss_frac": 1.0, "breaker_session_loss_frac": 1.0}
    # A stop would end trades that the other contestant keeps.
    limits = RiskConfig(time_stop_s=0.0, stop_loss_pct=0.0, take_profit_pct=0.0, breaker_consecutive_losses=0, **wide)
    decision = DecisionConfig(barrier_gamma=0.0, barrier_delta=0.0, max_spread_bps=1e4, gross_target=1.0, no_trade_band=0.001)
    rule, cash = MaCrossParameters(FAST, SLOW, weight=weight).rule, Decimal(int(CASH))

    def fresh() -> TradingCycle:
        chosen = RulePolicy(names, rule) if policy is None else policy(names)
        return TradingCycle(
            session_id="benchmark",
            feed=BarFeed(panel, rule.features, int(times[WARM_BARS]), int(times[-1]) + step, 1),
            observation=Observation(names),
            policies=(chosen,),  # type: ignore[arg-type]
            venue=SimulatedVenue(instruments, costs, cash),
            book=PositionBook(instruments, cash, costs.leverage_e4),
            instruments=instruments,
            decision=decision,
            limits=limits,
            spread_floor_bps=2.0,
            on_stage=lambda _stage: None,
        )

    return fresh


def orders_of(engine) -> int:  # type: ignore[no-untyped-def]
    """How many orders were sent: each fills whole at the next open, and those of the last bar still work."""
    state = engine.book.state()
    return len(state["ended"]) + len(state["working"])


def _ours(arguments: argparse.Namespace, symbols: int, bars: int) -> Work:
    fresh = our_cycle(columns_of(arguments, symbols, bars), WEIGHT)

    def work() -> dict[str, float]:
        engine = fresh()
        for cycle in range(1, engine.cycles + 1):
            engine.run_cycle(cycle, None)
        return {"entries and exits": orders_of(engine), "profit": round(float(engine.book.ledger.cash()) - CASH, 2)}

    return work, symbols * bars


def _nautilus(arguments: argparse.Namespace, symbols: int, bars: int) -> Work:
    import pandas as pd
    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.config import LoggingConfig, StrategyConfig
    from nautilus_trader.indicators import SimpleMovingAverage
    from nautilus_trader.model import currencies
    from nautilus_trader.model.data import BarType
    from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
    from nautilus_trader.model.identifiers import Venue
    from nautilus_trader.model.objects import Money
    from nautilus_trader.persistence.wranglers import BarDataWrangler
    from nautilus_trader.test_kit.providers import TestInstrumentProvider
    from nautilus_trader.trading.strategy import Strategy

    # Only the bars before the first that its slow average needs: ours has warmed before the session too.
    columns, venue = [column[:, WARM_BARS - SLOW :] for column in columns_of(arguments, symbols, bars)], Venue("BINANCE")
    index = pd.date_range("2020-01-01", periods=SLOW + bars, freq="h", tz="UTC", name="timestamp")
    first_ns = index[SLOW].value
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False))
    cash = [Money(CASH, currencies.USDT), Money(0, currencies.BTC)]
    engine.add_venue(venue=venue, oms_type=OmsType.NETTING, account_type=AccountType.CASH, base_currency=None, starting_balances=cash)
    traded, like = [], TestInstrumentProvider.btcusdt_binance()
    for row, name in enumerate(names_of(symbols)):
        document = {**type(like).to_dict(like), "id": f"{name}.BINANCE", "raw_symbol": name, "taker_fee": str(FEE), "maker_fee": str(FEE)}
        instrument = type(like).from_dict(document)
        bar_type = BarType.from_str(f"{name}.BINANCE-1-HOUR-LAST-EXTERNAL")
        engine.add_instrument(instrument)
        frame = pd.DataFrame({key: columns[place][row] for place, key in enumerate(("open", "high", "low", "close"))} | {"volume": 1e4}, index=index)
        engine.add_data(BarDataWrangler(bar_type, instrument).process(frame))
        traded.append((instrument, bar_type))

    class Cross(Strategy):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(StrategyConfig(strategy_id="CROSS-1"))
            self.orders, self.rows = 0, {}

        def on_start(self) -> None:
            for instrument, bar_type in traded:
                fast, slow = SimpleMovingAverage(FAST), SimpleMovingAverage(SLOW)
                self.register_indicator_for_bars(bar_type, fast)
                self.register_indicator_for_bars(bar_type, slow)
                self.subscribe_bars(bar_type)
                self.rows[bar_type] = [instrument.id, fast, slow, None, instrument.make_qty(Decimal(1))]

        def on_bar(self, bar) -> None:  # type: ignore[no-untyped-def]
            row = self.rows[bar.bar_type]
            name, fast, slow, before, quantity = row
            if not slow.initialized:
                return
            up = fast.value > slow.value
            if before is not None and up != before and bar.ts_event >= first_ns:
                if up and self.portfolio.is_flat(name):
                    self.orders += 1
                    self.submit_order(self.order_factory.market(name, OrderSide.BUY, quantity))
                elif not up and self.portfolio.is_net_long(name):
                    self.orders += 1
                    self.submit_order(self.order_factory.market(name, OrderSide.SELL, quantity))
            row[3] = up

    started = []

    def work() -> dict[str, float]:
        if started:
            engine.reset()
        started.append(True)
        for strategy in list(engine.trader.strategies()):
            engine.trader.remove_strategy(strategy.id)
        strategy = Cross()
        engine.add_strategy(strategy)
        engine.run()
        account = engine.portfolio.account(venue)
        return {"entries and exits": strategy.orders, "profit": round(account.balance_total(currencies.USDT).as_double() - CASH, 2)}

    return work, symbols * (SLOW + bars)


@contestant("one symbol: tallystick", runs=3)
def _(arguments: argparse.Namespace) -> Work:
    return _ours(arguments, 1, arguments.bars)


@contestant("one symbol: NautilusTrader", "nautilus_trader", runs=3)
def _(arguments: argparse.Namespace) -> Work:
    return _nautilus(arguments, 1, arguments.bars)


@contestant("many symbols: tallystick", runs=2)
def _(arguments: argparse.Namespace) -> Work:
    return _ours(arguments, arguments.symbols, arguments.portfolio_bars)


@contestant("many symbols: NautilusTrader", "nautilus_trader", runs=2)
def _(arguments: argparse.Namespace) -> Work:
    return _nautilus(arguments, arguments.symbols, arguments.portfolio_bars)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bars", type=int, default=20_000)
    parser.add_argument("--symbols", type=int, default=50)
    parser.add_argument("--portfolio-bars", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=7)


if __name__ == "__main__":
    main(__file__, __doc__ or "", "bars (one) and symbol-bars (many) per second", options)
