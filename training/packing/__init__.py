"""Several examples in one row: layout, attention, loss, batches."""
