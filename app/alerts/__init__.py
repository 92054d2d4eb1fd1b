"""The alert receiver: stores what Alertmanager sends and forwards it to people, even after a crash."""
