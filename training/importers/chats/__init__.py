"""Importers of chat exports, one format a module or folder."""
