"""Validators: nine hypotheses about cascades, counted.

Owns: what counts as an event of each hypothesis and what supports it; the sample and share below which nothing is called VALIDATED.
Gives: `ValidationResult` with raw counts. VALIDATED says that the share was reached in these events, not that a hypothesis is right or will hold.
Never: claims, predicts, or counts an event for which the evidence is missing.
Neighbours: the labeler beside it; `apps/labels.py` above.

The public documents name the hypotheses and their numbers; where they leave the criterion open, the module of the hypothesis says how it is counted here.
"""
