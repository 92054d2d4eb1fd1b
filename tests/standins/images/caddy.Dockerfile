ARG BASE
FROM ${BASE}
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends caddy >/dev/null \
    && rm -rf /var/lib/apt/lists/* && mkdir -p /data /config && chown 65532:65532 /data /config
VOLUME /data
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile"]
