# The start of a PostgreSQL server that has a twin on another host. Which of the two is the primary stands in their data,
# not in the configuration: a standby has standby.signal, until `python -m infra.selfhost promote` removes it.
set -eu
umask 077
trap 'exit 143' TERM INT
fenced=$DATA/fenced # written by `promote`: the twin is the primary now
PGPASSFILE=$(mktemp)
export PGPASSFILE PGCONNECT_TIMEOUT=5
printf '%s:%s:*:%s:%s\n' "$TWIN_HOST" "$TWIN_PORT" "$SUPERUSER" "$(cat "$FILES/password")" >"$PGPASSFILE"

ask() {
    psql --no-psqlrc --quiet --tuples-only --no-align --host "$TWIN_HOST" --port "$TWIN_PORT" --username "$SUPERUSER" \
        --dbname postgres --set ON_ERROR_STOP=1 --command "$1"
}

# What the twin is: "f 3" a primary on its third timeline, "t 0" a standby; empty: it does not answer.
twin() {
    ask "select case when pg_is_in_recovery() then 't 0'
        else 'f ' || ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end" 2>/dev/null || :
}

ours() {
    LC_ALL=C pg_controldata "$PGDATA" | sed -n "s/^$1: *//p"
}

# Copies the primary, which keeps its log for us from here on.
copy() {
    echo "start: copies the primary at $TWIN_HOST"
    ask "select pg_create_physical_replication_slot('twin', true)
        where not exists (select from pg_replication_slots where slot_name = 'twin')" >/dev/null
    rm -rf "$PGDATA.copy"
    mkdir -p "${PGDATA%/*}"
    pg_basebackup --host "$TWIN_HOST" --port "$TWIN_PORT" --username "$SUPERUSER" --pgdata "$PGDATA.copy" \
        --wal-method stream --slot twin --checkpoint fast
    touch "$PGDATA.copy/standby.signal"
    [ ! -e "$PGDATA" ] || mv "$PGDATA" "$PGDATA.before-$(date -u +%Y%m%dT%H%M%SZ)"
    mv "$PGDATA.copy" "$PGDATA"
    rm -f "$fenced"
    sync
}

has_data() {
    [ -s "$PGDATA/PG_VERSION" ]
}

# Whether the twin was promoted while we were away: it is a primary on a later timeline than ours.
was_replaced() {
    case $1 in
        'f '*) [ "${1#f }" -gt "$(ours "Latest checkpoint's TimeLineID")" ] ;;
        *) return 1 ;;
    esac
}

found=$(twin)
if has_data && [ ! -e "$fenced" ] && [ -e "$PGDATA/standby.signal" ]; then
    :
elif has_data && { [ -e "$fenced" ] || was_replaced "$found"; }; then
    # Writes that never reached the twin may be in our data, so they are kept.
    until [ "${found%% *}" = f ]; do sleep 1; found=$(twin); done
    copy
elif ! has_data; then
    case $found in
        'f '*) copy ;;
        't '*)
            echo "start: there is no data here, and the server at $TWIN_HOST is a standby of data that was lost;" \
                "run python -m infra.selfhost promote" >&2
            exit 1
            ;;
        *)
            if [ "$BEGINS" = standby ]; then
                until [ "${found%% *}" = f ]; do sleep 1; found=$(twin); done
                copy
            fi
            ;;
    esac
fi
exec docker-entrypoint.sh postgres -c "config_file=$FILES/postgresql.conf" -c primary_slot_name=twin \
    -c "primary_conninfo=host=$TWIN_HOST port=$TWIN_PORT user=$SUPERUSER passfile=$PGPASSFILE application_name=twin"
