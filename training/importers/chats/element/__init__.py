"""Importer of Element's export of a Matrix room."""
