"""Execution: the life of an order.

Owns: order life, fills, the position state machine, the ledger, reconciliation, the simulated venue.
Gives: positions and money that follow from confirmed fills only.
Never: assumes a fill, retries on its own, changes an order.
Neighbours: kernels and contracts below; engine calls it, adapters stand behind its ports.
"""
