# Stands in for the image `postgres`: Debian's server behind the same variables, folders and user.
ARG BASE
FROM ${BASE}
RUN install -d -m 3777 /var/run/postgresql && chown -R postgres:postgres /var/lib/postgresql
COPY images/postgres-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
ENV PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/var/lib/postgresql/15/docker LANG=C.UTF-8
VOLUME /var/lib/postgresql
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
