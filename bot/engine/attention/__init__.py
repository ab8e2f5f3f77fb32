"""Keys and values: slabs, the cache, and attention over a forward batch."""
