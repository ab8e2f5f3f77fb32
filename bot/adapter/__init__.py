"""The folder of an adapter: its file names and its manifest, for serving and training."""
