"""Base models on this machine, and those that are recommended."""
