"""Numbers to SVG: pure functions that return one drawing as text, safe to put into a page.

A drawing is 360 units wide, so that its letters are readable on a telephone. It has a title and a
description, no colour of its own (the page's style has them) and no script.
"""
