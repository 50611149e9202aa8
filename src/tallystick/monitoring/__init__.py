"""Monitoring: what happened, for people.

Owns: the trade journal, performance, the assumption registry, the bodies and events that the dashboard shows.
Gives: trade records, figures, results of assumption tests, documents of the dashboard; all from the event stream alone.
Never: reaches into the engine, predicts, or recommends an action.
Neighbours: contracts below; engine and the bridge read it.
"""
