"""The importer of ChatGPT's export of one's data."""
