"""Hostile exports in each format that an importer reads."""
