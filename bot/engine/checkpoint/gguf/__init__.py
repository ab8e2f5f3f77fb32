"""GGUF files: header, directory of tensors, the config of transformers, names and views of the weights."""
