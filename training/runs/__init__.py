"""Folders of training runs: configuration, checkpoints, replay."""
