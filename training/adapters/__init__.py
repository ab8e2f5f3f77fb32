"""Adapters: manifest, install, adopt, export, merge."""
