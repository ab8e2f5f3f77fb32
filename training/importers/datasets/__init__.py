"""Importers of data sets with roles instead of people."""
