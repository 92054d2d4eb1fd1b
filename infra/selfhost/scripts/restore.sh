# Makes the server's data anew from what `claude-memory wal fetch` brought, while the server is stopped.
# What was there before stays beside it. After any failure it is in its place again, and nothing has changed.
set -eu
umask 077
fetched=$SPOOL/restore
if [ ! -f "$fetched/base.tar.gz" ]; then
    echo "restore: nothing was fetched; run claude-memory wal fetch first" >&2
    exit 1
fi
target=$(cat "$fetched/target")
kept=$PGDATA.before-$(date -u +%Y%m%dT%H%M%SZ)
run=$(mktemp -d)

undo() {
    pg_ctl stop --pgdata "$PGDATA" --mode immediate --silent || :
    rm -rf "$PGDATA"
    [ ! -e "$kept" ] || mv "$kept" "$PGDATA"
    echo "restore: failed; the data is as it was. The server said:" >&2
    tail -n 20 "$run/log" >&2
    exit 1
}

[ ! -e "$PGDATA" ] || mv "$PGDATA" "$kept"
trap undo EXIT
mkdir -p -m 700 "$PGDATA"
: >"$run/log"
tar -xzf "$fetched/base.tar.gz" -C "$PGDATA" 2>>"$run/log"
touch "$PGDATA/recovery.signal"
cat >"$run/postgresql.conf" <<END
include '$FILES/postgresql.conf'
listen_addresses = ''
unix_socket_directories = '$run'
hot_standby = off
restore_command = 'gunzip <"$fetched/wal/%f.gz" >"%p"'
${target:+recovery_target_time = '$target'}
recovery_target_action = promote
END
echo "restore: reading the log up to ${target:-its end}"
pg_ctl start --pgdata "$PGDATA" --wait --timeout 604800 --silent --log "$run/log" \
    --options "-c config_file=$run/postgresql.conf"
# It takes connections once the moment is reached; where the log ends before it, it gives up, and so does this.
until pg_isready --quiet --host "$run"; do
    pg_ctl status --pgdata "$PGDATA" >/dev/null
    sleep 1
done
# The data has another past now: indexes of what came after the moment must not be used for it.
psql --no-psqlrc --quiet --host "$run" --username "$SUPERUSER" --dbname "$DATABASE" --set ON_ERROR_STOP=1 \
    --command "update instance set database_id = gen_random_uuid()" >>"$run/log" 2>&1
pg_ctl stop --pgdata "$PGDATA" --mode fast --wait --silent
trap - EXIT
rm -rf "$fetched" "$run"
echo "restore: done; start the server. The data from before is in $kept"
