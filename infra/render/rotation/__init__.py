"""A secret replaced on Render: set, deployed, verified by a real call, or the old one back."""
