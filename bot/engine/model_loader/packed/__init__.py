"""Weights that stay packed on a CPU: of a GGUF file as it lies, or of a folder that is packed once."""
