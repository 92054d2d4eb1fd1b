ARG BASE
FROM ${BASE}
USER nobody
ENTRYPOINT ["prometheus-node-exporter"]
