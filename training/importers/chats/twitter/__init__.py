"""Importer of the archive of X."""
