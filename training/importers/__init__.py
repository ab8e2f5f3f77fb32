"""Importers: exports of every format as one stream of messages."""
