"""Segments, on pseudonyms only.

Takes nothing but a permitted population: what somebody withheld is missing here, and missing is never a feature.
A run is invisible until it is published in one short transaction that asks every newer declaration again; membership
is always the live run, under the corrections, and what is permitted now. Models are data with a digest; a record and
its model give the stored result again. Nobody has a name here: the power to name a person is passed in, in batches.
"""
