"""What a release consists of, from one version (app/__init__.py) and one repository (pyproject.toml)."""
