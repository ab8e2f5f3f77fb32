"""Settings that people change while the bot runs, by scope and key."""

import sqlite3


def read_stored_settings(connection: sqlite3.Connection, scope: str) -> dict[str, str]:
    return dict(connection.execute("SELECT key, value FROM settings WHERE scope = ? ORDER BY key", (scope,)))


def stored_scopes(connection: sqlite3.Connection) -> tuple[str, ...]:
    rows = connection.execute("SELECT DISTINCT scope FROM settings ORDER BY scope")
    return tuple(scope for (scope,) in rows)


def store_setting(connection: sqlite3.Connection, scope: str, key: str, value: str | None) -> None:
    if value is None:
        connection.execute("DELETE FROM settings WHERE scope = ? AND key = ?", (scope, key))
    else:
        connection.execute(
            "INSERT INTO settings (scope, key, value) VALUES (?, ?, ?)"
            " ON CONFLICT (scope, key) DO UPDATE SET value = excluded.value",
            (scope, key, value),
        )
