ARG BASE
FROM ${BASE}
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus-node-exporter >/dev/null \
    && rm -rf /var/lib/apt/lists/*
USER nobody
ENTRYPOINT ["prometheus-node-exporter"]
