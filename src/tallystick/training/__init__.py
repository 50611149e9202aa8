"""Training: from bars to model artifacts.

Owns: target ranking and routing with evidence, cross-validation, fitting, packaging, the promotion gate of a model.
Gives: the run tree of document 1 and the model-run artifacts of document 3.
Never: imports anything on the trading path.
Neighbours: analysis below; reaches trading only as an artifact.
"""
