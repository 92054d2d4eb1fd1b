"""Why it works here and not on Render: the two compared, real calls, known failures in logs and events."""
