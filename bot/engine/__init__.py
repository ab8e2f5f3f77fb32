"""From a prompt's token ids to an answer's text, on a thread of its own."""
