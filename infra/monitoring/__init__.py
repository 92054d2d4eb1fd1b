"""Monitoring that every target shares: alert rules, dashboard, the configuration of Prometheus and Alertmanager."""
