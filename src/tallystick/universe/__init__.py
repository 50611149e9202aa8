"""Universe: which symbols are tradable.

Owns: eligibility, ranking, membership, the release files of the live pool and their validation.
Gives: a pool release with its manifest.
Never: trades.
Neighbours: analysis and market below; engine and research read the release, as an artifact.
"""
