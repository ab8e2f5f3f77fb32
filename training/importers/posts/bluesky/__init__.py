"""Importer of the repository of a Bluesky account."""
