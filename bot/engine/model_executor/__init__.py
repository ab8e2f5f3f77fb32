"""The base model patched for batches, and its forward pass."""
