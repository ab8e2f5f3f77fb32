"""Files of base models: their place, converted copies, fingerprints."""
