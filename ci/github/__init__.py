"""What the workflows tell GitHub, with `requests` and nothing else installed (requirements/ci.txt)."""
