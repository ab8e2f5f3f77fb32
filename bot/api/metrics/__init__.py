"""Metrics of requests, engine, event loop and waiting messages, in Prometheus' text format."""
