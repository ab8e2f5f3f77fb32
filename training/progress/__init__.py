"""Progress of long work on standard error: a line or a bar for each stage, and the time that is left."""
