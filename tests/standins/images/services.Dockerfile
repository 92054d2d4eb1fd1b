# All that Debian has of the stack's services, in one layer that their images share.
ARG BASE
FROM ${BASE}
RUN mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \
    && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        postgresql-15 prometheus prometheus-alertmanager prometheus-node-exporter prometheus-postgres-exporter >/dev/null \
    && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/15
