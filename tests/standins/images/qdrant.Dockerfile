# Stands in for the image `qdrant/qdrant`: tests/standins/qdrant.py behind its command line, folders and user.
ARG BASE
ARG APP
FROM ${APP} AS app
FROM ${BASE}
# EDGE: what requirements/dev.txt says of qdrant-edge-py, which the stand-in needs and the app does not.
ARG EDGE
COPY --from=app /opt/claude-memory/lib /opt/claude-memory/lib
RUN echo "${EDGE}" >/tmp/edge.txt && python3 -m venv /tmp/pip && /tmp/pip/bin/pip install --quiet --no-cache-dir \
        --no-deps --require-hashes --target /opt/claude-memory/lib/python3.11/site-packages -r /tmp/edge.txt \
    && rm -r /tmp/pip /tmp/edge.txt
COPY qdrant.py images/qdrant-command.py /qdrant/
RUN mkdir -p /qdrant/storage /qdrant/snapshots && chown -R 1000:1000 /qdrant \
    && printf '#!/bin/sh\nexec python3 /qdrant/qdrant-command.py "$@"\n' >/qdrant/qdrant && chmod 755 /qdrant/qdrant
ENV PYTHONPATH=/opt/claude-memory/lib/python3.11/site-packages PYTHONDONTWRITEBYTECODE=1
WORKDIR /qdrant
USER 1000:1000
CMD ["./qdrant"]
