"""Render's REST API: one client for provider, program and driver. Knows nothing of Pulumi."""
