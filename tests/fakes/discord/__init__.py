"""The parts of the fake Discord server; `tests.fakes.discord_server` is its door."""
