"""M4: from the columns of the compiled primitives to the bundle of one symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tallystick.contracts.observation import M4PrimitiveBundle
from tallystick.contracts.primitives import (
    CentralTendencyDeviation,
    DirectionalContinuity,
    DisplacementOriginAnchor,
    PriceTraversalVelocity,
    StructuralAbsenceDuration,
    StructuralPersistenceDuration,
    TraversalCompactness,
    TraversalVoidSpan,
)
from tallystick.kernels import primitives as kernels


def mark_facts(traversal_id: str, values: Sequence[float], gaps_s: tuple[float, ...]) -> dict[str, object]:
    """The primitives that marks state; values: one row of `mark_primitives`; gaps_s: seconds between neighbouring marks."""
    window, absence, presence = values[kernels.WINDOW], values[kernels.ABSENCE], values[kernels.PRESENCE]
    bundle: dict[str, object] = {}
    if window > 0.0:
        bundle["structural_absence_duration"] = StructuralAbsenceDuration(absence, window, absence / window)
        bundle["structural_persistence_duration"] = StructuralPersistenceDuration(presence, window, presence / window)
    if gaps_s:
        delta, elapsed, velocity = values[kernels.DELTA], values[kernels.ELAPSED], values[kernels.VELOCITY]
        if elapsed > 0.0:
            bundle["price_traversal_velocity"] = PriceTraversalVelocity(delta, elapsed, velocity)
        bundle["traversal_compactness"] = TraversalCompactness(delta, values[kernels.PATH], values[kernels.COMPACTNESS])
        bundle["central_tendency_deviation"] = CentralTendencyDeviation(values[kernels.DEVIATION])
        sign = values[kernels.DIRECTION]
        bundle["directional_continuity"] = DirectionalContinuity(int(values[kernels.RUN]), 1 if sign > 0 else -1 if sign < 0 else 0)
        bundle["displacement_origin_anchor"] = DisplacementOriginAnchor(
            traversal_id, values[kernels.ANCHOR_LOW], values[kernels.ANCHOR_HIGH], values[kernels.ANCHOR_DWELL]
        )
        bundle["traversal_void_span"] = TraversalVoidSpan(values[kernels.MAX_VOID], gaps_s)
    return bundle


def bundle_of(symbol: str, facts: Mapping[str, object]) -> M4PrimitiveBundle:
    """The bundle of one symbol; a primitive that is not among the facts is None."""
    return M4PrimitiveBundle(symbol, **facts)  # type: ignore[arg-type]
