"""Examples as token ids with trained spans."""
