"""Universe: which symbols are tradable.

Owns: eligibility, ranking, membership, the release files of the live pool and their validation; publishing, rollback, and what a reader gets.
Gives: a pool release with its manifest; a published pool, resolved from one of four tiers.
Never: trades.
Neighbours: analysis and market below; engine and research read the release, as an artifact.
"""
