"""Prompts: from a card and a history to token ids."""
