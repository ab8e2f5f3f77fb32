"""The engine in this process: its thread, and its side on the event loop."""
