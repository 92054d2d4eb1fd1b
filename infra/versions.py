"""The images that the programs use, and the oldest Docker engine they run on; nothing else names a version.

A stack can pin an image by digest: `images: {postgres: NAME@sha256:…}`.
"""

from __future__ import annotations

OLDEST_ENGINE = (20, 10)  # Debian 12's, on which the tests run

POSTGRES = "postgres:18.1-alpine"
QDRANT = "qdrant/qdrant:v1.18.0-unprivileged"
CADDY = "caddy:2.11.4-alpine"
PROMETHEUS = "prom/prometheus:v3.7.3"
ALERTMANAGER = "prom/alertmanager:v0.29.0"
NODE_EXPORTER = "prom/node-exporter:v1.10.2"
POSTGRES_EXPORTER = "prometheuscommunity/postgres-exporter:v0.18.1"
GRAFANA = "grafana/grafana:12.3.0"
