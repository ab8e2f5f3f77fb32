"""Clients that others wrote, unmodified, on the API: run by hand, each from its own installation."""
