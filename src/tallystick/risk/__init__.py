"""Risk: the only room that can mint an `ApprovedOrder`.

Owns: exposure, liquidation distance, capital, circuit breaker, kill switch, risk status.
Gives: mandates to EXIT, REDUCE or BLOCK; reviews that approve or refuse with a number.
Never: opens a position.
Neighbours: kernels and contracts below; engine calls it.
"""
