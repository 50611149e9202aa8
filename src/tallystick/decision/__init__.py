"""Decision: from facts to one action per symbol.

Owns: inference, blending, horizon choice, policies, mandates, arbitration, gates, sizing.
Gives: sized order requests with the numbers behind them.
Never: places orders.
Neighbours: analysis below; engine puts it in order with risk and execution.
"""
