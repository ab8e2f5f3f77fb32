"""Importers of Slack's own export, and of slackdump's archive."""
