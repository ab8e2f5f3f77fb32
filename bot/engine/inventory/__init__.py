"""Base models that lie on this machine, and those that config.toml recommends."""
