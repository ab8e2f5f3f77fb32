"""Continuous batching: the engine core, its queue, scheduling, request state and output."""
