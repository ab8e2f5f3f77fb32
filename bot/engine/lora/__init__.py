"""LoRA adapters: validation, registry, active slots, and the linear layers that add them."""
