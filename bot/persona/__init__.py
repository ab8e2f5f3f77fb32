"""Personas: their folders, cards, macros and avatars."""
