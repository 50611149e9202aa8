"""Analysis: measures and labels.

Owns: the feature catalogue (rows over kernel kinds, one definition for research, training and live), labels, purged splits, cascades, waves, bursts,
order flow, regimes, hypothesis counts.
Gives: feature history, feature steps, forward-return labels, splits whose purge is derived, labelled cascades and counts over them.
Never: predicts, or scores "quality".
Neighbours: kernels and market below; universe, training, decision, engine and research above.
"""
