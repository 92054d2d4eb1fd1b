# archive_command: sh archive.sh PATH NAME
# Puts a finished file of the log into the spool. PostgreSQL forgets the file when this succeeds, so it has to be on disk.
set -eu
umask 022
cluster=$(LC_ALL=C pg_controldata -D . | sed -n 's/^Database system identifier: *//p')
folder=$SPOOL/${cluster:?is not known: pg_controldata failed}
mkdir -p -m 777 "$folder" # another user empties it
gzip -1 <"$1" >"$folder/$2.part"
sync "$folder/$2.part"
mv "$folder/$2.part" "$folder/$2.gz"
sync "$folder"
