"""`python -m infra.render`: looks at a stack on Render and drives it. One module a command."""
