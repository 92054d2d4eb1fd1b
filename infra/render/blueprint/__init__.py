"""render.yaml from the same program as the Pulumi stack, for those who deploy with Render's own button."""
