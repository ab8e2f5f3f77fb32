"""Importer of the archive of Mastodon and its kin."""
