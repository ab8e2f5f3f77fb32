"""A host for personas: characters that talk on chat platforms, each with its own voice."""
