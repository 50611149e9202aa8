"""P6, lead across assets: a cascade of ETH began 30 to 90 seconds after one of BTC, or one of another coin 60 to 180 seconds after one of ETH."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from tallystick.analysis.validators.counting import Sample, result_of
from tallystick.analysis.validators.evidence import Evidence
from tallystick.contracts.cascades import ValidationResult
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.market.symbols import split_symbol

NAME = "P6 cross-asset lead"
FIRST, SECOND = "BTC", "ETH"
SECOND_LAG_S, OTHER_LAG_S = (30, 90), (60, 180)


def count_cross_asset_lead(evidence: Evidence, sample: Sample) -> ValidationResult:
    """Every cascade of a coin that has a leader is an event, as long as the leader was recorded at all. Coins are told by their base asset: BTCUSDT is BTC."""
    begun = [(split_symbol(episode.cascade.coin).base, episode.cascade.start_ts) for episode in evidence.episodes]
    starts = {leader: sorted(start for coin, start in begun if coin == leader) for leader in (FIRST, SECOND)}
    recorded = {split_symbol(coin).base for coin in evidence.marks}
    supports: list[bool] = []
    for coin, start in begun:
        leader, (least, most) = (FIRST, SECOND_LAG_S) if coin == SECOND else (SECOND, OTHER_LAG_S)
        if coin == FIRST or (not starts[leader] and leader not in recorded):
            continue
        low, high = start - most * NS_PER_SECOND, start - least * NS_PER_SECOND
        supports.append(bisect_left(starts[leader], low) < bisect_right(starts[leader], high))
    return result_of(NAME, supports, float(SECOND_LAG_S[0]), sample)
