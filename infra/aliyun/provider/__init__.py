"""A native Pulumi provider for what the vendor's cannot keep: provisioned instances of an alias."""
