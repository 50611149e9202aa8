"""Engine: the trading cycle on one page.

Owns: the cycle, its clock, its journal, recovery, replay, trace.
Gives: sessions that can be killed at any instant and go on.
Never: holds domain rules.
Neighbours: decision, risk, execution, universe and monitoring below; apps start it, adapters stand behind its ports.
"""
