"""Memory: the history of every place, the inbox and the outbox, in one SQLite file."""
