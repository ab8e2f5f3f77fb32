"""Importers of what people post in public."""
