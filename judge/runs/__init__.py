"""Offline runs: data sets in, results and a summary out."""
