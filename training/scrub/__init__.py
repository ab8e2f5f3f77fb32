"""Removal of private details from texts before a model is trained on them, and a review for a person."""
