# Runs beside the server: writes a status for the archive every few seconds, and makes a base backup when it asks for one.
set -eu
umask 022
PGPASSWORD=$(cat "$PASSWORD_FILE")
export PGHOST PGPORT PGUSER PGPASSWORD PGCONNECT_TIMEOUT=5

ask() {
    psql --no-psqlrc --quiet --tuples-only --no-align --dbname postgres --command "$1"
}

switched=0

# Says since when the server waits to archive. The transaction leaves a time in the log even when nobody writes, so that a
# restore can end at any moment. The switch is what archive_timeout is for; but after a clean start the server does not
# look at that before its first checkpoint, up to a quarter of an hour later.
report() {
    cluster=$(ask "select system_identifier from pg_control_system()") || return 0
    waiting=$(ask "select coalesce(extract(epoch from min(modification))::bigint, 0)
        from pg_ls_archive_statusdir() where name like '%.ready'") || return 0
    ask "select pg_current_xact_id()" >/dev/null || return 0
    now=$(date +%s)
    if [ $((now - switched)) -ge "$SWITCH_S" ]; then
        ask "select pg_switch_wal()" >/dev/null || return 0
        switched=$now
    fi
    mkdir -p -m 777 "$SPOOL/$cluster" || return 0
    echo "$now $waiting" >"$SPOOL/$cluster/status.part" || return 0
    mv "$SPOOL/$cluster/status.part" "$SPOOL/$cluster/status"
}

base() {
    for wanted in "$SPOOL"/*/base-wanted; do
        folder=${wanted%/*}
        [ -e "$wanted" ] && [ "${folder##*/}" = "$(ask "select system_identifier from pg_control_system()")" ] || continue
        # Without the log, for which it waits until the archive has it.
        pg_basebackup --pgdata - --format tar --wal-method none --checkpoint fast --compress 1 >"$folder/base.part" ||
            { rm -f "$folder/base.part"; continue; }
        complete=$(ask "select to_char((now() + interval '1 second') at time zone 'UTC', 'YYYYMMDD\"T\"HH24MISS\"Z\"')")
        sync "$folder/base.part"
        mv "$folder/base.part" "$folder/$complete.base"
        rm -f "$wanted" # after it, or the archive would ask again
        sync "$folder"
    done
}

# A report that fails has said why, and the next one is due: the disk may have room again, and the spool belongs to all
# only when the archive's container is made, which may be after this one.
while :; do report || :; sleep "$EVERY_S"; done &
reporting=$!
trap 'kill $reporting; exit 0' TERM INT
while :; do
    base || :
    sleep "$EVERY_S" &
    wait $!
done
