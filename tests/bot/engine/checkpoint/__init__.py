"""Files of base models: their headers, their places, and their way from the hub."""
