"""Engines: models that answer requests, in process, over HTTP, scripted or replayed."""
