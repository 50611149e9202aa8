"""Honesty: what the figures of a run are worth.

Owns: evidence of a track record (probabilistic and deflated Sharpe, bootstrap intervals, trials), overfitting of sweeps, capacity.
Gives: sections of `report.json`.
Never: changes a result, or leaves out the trials that did not please.
Neighbours: the run that it judges; kernels do the arithmetic.
"""
