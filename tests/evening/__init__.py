"""A hostile evening: messages of all kinds through both platforms, and a model that repeats what it read."""
