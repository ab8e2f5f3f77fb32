"""Migrations: numbered SQL scripts that bring a database to the newest version."""

import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from bot.memory.db.connection import transaction

APPLICATION_ID = 1634497637  # as in schema/001_initial.sql


def own_scripts() -> Traversable:
    return files("bot.memory.db") / "schema"


def scripts(folder: Traversable) -> dict[int, str]:
    """Return the text of each script by its version, in order: 001_initial.sql has version 1."""
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return {int(name.partition("_")[0]): (folder / name).read_text("utf-8") for name in names}


def schema_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, folder: Traversable) -> None:
    """Run the missing scripts, each in one transaction; a script sets its own user_version."""
    known = schema_version(connection)
    for number, script in scripts(folder).items():
        if number > known:
            transaction(connection, lambda inside, script=script: run_script(inside, script))  # type: ignore[misc]
            assert schema_version(connection) == number, f"script {number} must set user_version"


def run_script(connection: sqlite3.Connection, script: str) -> None:
    for statement in statements(script):
        connection.execute(statement)


def statements(script: str) -> Iterator[str]:
    """Yield the statements of a script; `executescript` would commit in between."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    assert not statement.strip(), "a script ends with a complete statement"
