"""Apps: the front doors.

Owns: the command line, the bridge, settings, and `assembly.py`, the one place where parts are joined.
Gives: `tallystick`.
Never: contains trading logic.
Neighbours: everything is below.
"""
