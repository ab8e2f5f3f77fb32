"""Graphics cards: on a pretended card everywhere, and for real by `tests/gpu.sh`."""
