"""The dated history of the contract set (document 1 stands at 1.4; 2.0 is the registry of all five documents)."""

from __future__ import annotations

SET_HISTORY: tuple[tuple[str, str, str], ...] = (
    ("1.0", "2026-01-19", "Initial definition: model_meta, manifest, routing decisions, model file, paths"),
    ("1.1", "2026-01-19", "feature_list in every writing path and sorted, interval_minutes, model_checksum"),
    ("1.2", "2026-01-21", "Contracts between live trading and the dashboard"),
    ("1.3", "2026-01-21", "Raw sequence mode: input_mode, sequence_length, sequence_channels, sequence_normalization"),
    ("1.4", "2026-01-21", "Cross-sectional ranking mode: cross_sectional_ranking with target_type, loss_type, training_metrics"),
    ("2.0", "2026-11-21", "One registry for all five documents; each contract carries its own version; file_checksums, seals and signatures"),
)
