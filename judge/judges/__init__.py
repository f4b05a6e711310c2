"""Judges: one group in, verdicts out. All of them share one render, generate and read loop."""
