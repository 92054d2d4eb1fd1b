ARG BASE
FROM ${BASE}
RUN mkdir -p /prometheus && chown 65534:65534 /prometheus
VOLUME /prometheus
WORKDIR /prometheus
USER nobody
ENTRYPOINT ["prometheus"]
