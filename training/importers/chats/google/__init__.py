"""Importers of Google's chats, as Takeout exports them."""
