"""Measures the server against its goals, beside a one-tool server on the same SDK. `./dev bench --help` shows how."""
