"""Text between model and platform: own words, splitting, Markdown, redaction."""
