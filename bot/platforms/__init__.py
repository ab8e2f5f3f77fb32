"""Where people talk: each platform translates, and nothing else."""
