# The app's image, but no replica of it ever passes its health check.
ARG BASE
ARG APP
FROM ${APP}
COPY images/never-ready.py /opt/claude-memory/src/app/process/healthcheck.py
