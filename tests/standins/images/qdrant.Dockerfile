# Stands in for the image `qdrant/qdrant`: tests/standins/qdrant.py behind its command line, folders and user.
ARG BASE
ARG APP
FROM ${APP} AS app
FROM ${BASE}
COPY --from=app /opt/claude-memory/lib /opt/claude-memory/lib
COPY qdrant.py images/qdrant-command.py /qdrant/
RUN mkdir -p /qdrant/storage /qdrant/snapshots && chown -R 1000:1000 /qdrant \
    && printf '#!/bin/sh\nexec python3 /qdrant/qdrant-command.py "$@"\n' >/qdrant/qdrant && chmod 755 /qdrant/qdrant
ENV PYTHONPATH=/opt/claude-memory/lib/python3.11/site-packages PYTHONDONTWRITEBYTECODE=1
WORKDIR /qdrant
USER 1000:1000
CMD ["./qdrant"]
