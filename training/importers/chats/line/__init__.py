"""Importer of LINE's exports, from phones and from computers."""
