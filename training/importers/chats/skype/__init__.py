"""Importer of the export of Skype and of Teams for private persons."""
