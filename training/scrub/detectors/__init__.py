"""Detectors of private details by kind."""
