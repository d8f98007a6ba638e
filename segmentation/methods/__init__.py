"""One file per kind of scheme: its model as data, how it is fitted, how it scores.

Scoring is pure numpy, element by element. Fitting may import analytics, and does so only when called. Models are JSON
with floats as hexadecimal text, so that they come back to the bit; nothing is unpickled or evaluated.
"""
