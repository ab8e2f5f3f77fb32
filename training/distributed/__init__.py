"""Several training processes, with FSDP or without."""
