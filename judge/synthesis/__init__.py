"""The rubric engine: criteria that are written, tested, weighed and refined."""
