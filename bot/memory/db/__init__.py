"""The SQLite file: connection, migrations, recovery and backups."""
