"""A CUDA card that is not there: tensors on "cuda" have shapes, dtypes and devices, and no values."""
