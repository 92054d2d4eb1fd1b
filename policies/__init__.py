"""Rules that a stack has to keep, for `pulumi preview --policy-pack policies` and for `python -m infra.plan`."""
