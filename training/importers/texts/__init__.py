"""Importers of mail and of own texts."""
