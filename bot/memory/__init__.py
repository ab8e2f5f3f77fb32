"""What is remembered: the story of every place, what must still be answered, what must still be sent."""
