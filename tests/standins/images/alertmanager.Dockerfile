ARG BASE
FROM ${BASE}
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus-alertmanager >/dev/null \
    && rm -rf /var/lib/apt/lists/* && mkdir -p /alertmanager && chown 65534:65534 /alertmanager \
    && ln -s /usr/bin/prometheus-alertmanager /usr/local/bin/alertmanager
VOLUME /alertmanager
WORKDIR /alertmanager
USER nobody
ENTRYPOINT ["alertmanager"]
