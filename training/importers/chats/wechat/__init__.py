"""Importer of WeChat exports by other programs."""
