"""Importer of Discord History Tracker's archives."""
