"""Adapters and models as GGUF files for llama.cpp."""
