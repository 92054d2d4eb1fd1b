ARG BASE
FROM ${BASE}
USER nobody
ENTRYPOINT ["prometheus-postgres-exporter"]
