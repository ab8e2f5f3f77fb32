"""From messages to excerpts with targets, split into train and validation."""
