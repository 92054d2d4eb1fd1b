"""The alert receiver: keeps what Alertmanager sends and forwards it to people, whatever happens in between."""
