"""Preference data set right: votes of saved verdicts, noisy pairs mended, labels by people."""
