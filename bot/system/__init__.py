"""Differences between Linux, macOS and Windows: signals, memory, rights of files, file names, output."""
