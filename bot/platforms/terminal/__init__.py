"""The terminal as a platform: a session with a person, or given texts."""
