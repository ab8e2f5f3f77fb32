"""Fuzzing of every reader of strangers' data; `make fuzz` runs ten minutes, `test_fuzz.py` a short form."""
