"""Reading of exports: archives, formats by content, JSON and CSV streams, times and ids."""
