"""The infrastructure as Pulumi programs: one folder a target, what they share here."""
