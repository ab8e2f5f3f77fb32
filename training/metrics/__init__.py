"""Measures of an adapter: likeness, diversity, memorization, retention, privacy."""
