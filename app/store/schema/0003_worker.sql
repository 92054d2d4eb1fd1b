-- What the processes of one deployment share beside the memories. Requests' own role cannot read it.

-- For each caller the moment at which all requests so far are paid for (app/http/limits.py).
-- Unlogged: a count costs no disk write, and a crash of the server forgives a minute's requests.
create unlogged table rate_limits (
    caller text primary key,
    paid_at timestamptz not null
) with (fillfactor = 50);

-- The last run of each schedule, so that a new leader neither repeats nor forgets one.
-- A run that has begun and not ended was interrupted, unless its leader still runs it.
create table schedule_runs (
    name text primary key,
    due_at timestamptz not null,
    attempts integer not null default 0,
    started_at timestamptz,
    finished_at timestamptz,
    succeeded_at timestamptz,
    problem text
);
