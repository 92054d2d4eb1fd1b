"""The infrastructure as Pulumi programs: a folder for each target, and what they share."""
