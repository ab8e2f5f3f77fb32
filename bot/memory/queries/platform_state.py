"""State that a platform keeps of its own account from run to run, by scope (`platform/account`)."""

import sqlite3

PUBLICATION_FAILURES = "publication"  # the scope of reasons why commands are not published, by account


def platform_state(connection: sqlite3.Connection, scope: str) -> dict[str, str]:
    rows = connection.execute(
        "SELECT name, value FROM platform_state WHERE scope = ? ORDER BY name", (scope,)
    )
    return dict(rows)


def set_platform_state(connection: sqlite3.Connection, scope: str, name: str, value: str | None) -> None:
    if value is None:
        connection.execute("DELETE FROM platform_state WHERE scope = ? AND name = ?", (scope, name))
    else:
        connection.execute(
            "INSERT INTO platform_state (scope, name, value) VALUES (?, ?, ?)"
            " ON CONFLICT (scope, name) DO UPDATE SET value = excluded.value",
            (scope, name, value),
        )
