"""A stack as it runs on Render: its services by name, variables, deploys, logs, and the app over HTTP."""
