"""`python -m judge` is the command line."""

from judge.cli import main

main()
