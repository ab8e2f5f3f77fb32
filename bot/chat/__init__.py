"""Conversations: intake, triggers, workers, the reply pipeline, streaming, delivery and commands."""
