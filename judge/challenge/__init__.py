"""Challenge sets: good responses with one thing in them made wrong by rule, named by phenomenon."""
