"""The names of the files in an adapter's folder, and the most bytes of those that are JSON."""

CONFIG, CONFIG_BYTES = "adapter_config.json", 1 << 20
WEIGHTS = "adapter_model.safetensors"
MANIFEST, MANIFEST_BYTES = "manifest.json", 1 << 20
