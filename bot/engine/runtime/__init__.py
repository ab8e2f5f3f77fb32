"""The process around the engine: environment, CPU threads, errors, log fields, transfers to a device."""
