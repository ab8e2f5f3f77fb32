"""Importer of Telegram Desktop's exports."""
