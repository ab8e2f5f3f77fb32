"""Tokenizers with a door for content and a door for templates."""
