"""Operations: C for CPUs and its compiler, matrix products, attention, LoRA slots."""
