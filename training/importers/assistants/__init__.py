"""Importers of talks with assistants and characters."""
