"""Loading of base models: plan, quantization, GGUF conversion, adapter checks."""
