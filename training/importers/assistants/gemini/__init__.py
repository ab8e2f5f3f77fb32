"""The importer of Gemini's parts of Google Takeout."""
