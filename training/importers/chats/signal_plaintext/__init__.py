"""Signal's own export, a backup as plain text."""
