"""Queries by table: each function runs inside one transaction."""
