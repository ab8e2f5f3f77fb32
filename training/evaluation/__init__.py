"""Evaluation of an adapter: samples, scores, report."""
