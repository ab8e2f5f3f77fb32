"""Text between model and platform: splitting, Markdown, redaction."""
