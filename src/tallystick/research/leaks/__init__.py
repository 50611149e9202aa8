"""Leak canaries: does a run know what it could not have known?

Owns: changes to bars that only the future can see, and the comparison of what a pipeline does before and after them.
Gives: findings that name the leak, where it is, and the line of the report that it distorts.
Never: reads source code or names; a leak is what a pipeline does.
Neighbours: the run that it tests.
"""
