"""Runs as one HTML page that a person can read, and its figures as tables.

`source` is a run as the page reads it, `collected` its numbers in one pass. One subject a file,
from numbers to figures: `coverage`, `rewards`, `systems`, `criteria`, `agreement`, `probes`,
`cost`, `worst`. `finding` is one sentence, `card` says which judge it is, and `limits` what to
beware of. `figures` draws numbers as SVG; `run` puts one run together, and `page` makes HTML of
all.
"""
