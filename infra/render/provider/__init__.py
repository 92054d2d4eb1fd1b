"""A native Pulumi provider for Render, usable alone: see README.md."""
