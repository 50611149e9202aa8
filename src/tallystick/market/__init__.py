"""Market: stored history and what is traded.

Owns: instruments (effective-dated), bars, their import and fetch, coverage and gaps, resampling, the seeded market generator.
Gives: `BarPanel`, `Lake`, `InstrumentBook`.
Never: fills a gap silently; stores an open bar.
Neighbours: artifacts and kernels below; analysis, universe, training, engine and research read it.
"""
