"""Who speaks: personas, their cards and lore."""
