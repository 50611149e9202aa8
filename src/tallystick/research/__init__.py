"""Research: runs with machine-readable artifacts.

Owns: run, run report, run index.
Gives: the run folders of document 3.
Never: has a second definition of fills, fees or features.
Neighbours: engine and the rooms below; apps start it.
"""
