"""Benchmarks of judges: a file says what a benchmark is, one way runs and scores them all.

Every figure is given twice: by the benchmark's own rule, which may give credit for ties and for
unread verdicts, and strictly, where both are wrong.
"""
