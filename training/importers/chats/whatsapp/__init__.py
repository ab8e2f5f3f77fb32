"""Importer of WhatsApp's exported chats."""
