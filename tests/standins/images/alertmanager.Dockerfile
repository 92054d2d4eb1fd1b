ARG BASE
FROM ${BASE}
RUN mkdir -p /alertmanager && chown 65534:65534 /alertmanager \
    && ln -s /usr/bin/prometheus-alertmanager /usr/bin/alertmanager
VOLUME /alertmanager
WORKDIR /alertmanager
USER nobody
ENTRYPOINT ["alertmanager"]
