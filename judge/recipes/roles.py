"""The roles of engines, each bound by `engine={ROLE: ...}` or `--engine ROLE=NAME`."""

JUDGE, GENERATOR, REFERENCE, SEEDER = "judge", "generator", "reference", "seeder"
"""Who judges; who writes rubrics where a recipe wants them written; the second model of a
likelihood; the scalar model that seeds a tournament."""
OTHER_WORK = (GENERATOR, REFERENCE, SEEDER)
"""Roles of engines that are no judges."""
