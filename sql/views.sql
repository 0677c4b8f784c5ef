-- For monitoring. Ages are by the server's clock. Each view reads a table once at most, so that a
-- query every minute costs little.
--
-- To replace a view would have to wait for whoever reads it, so each is made in pg_temp first.

-- The queue of each storage that has jobs, or on which a program has run. `with_priority` is the
-- part of `waiting` that users requested; `succeeded` and `failed` wait for crashmon-cleanup.
CREATE VIEW pg_temp.queue AS
SELECT storage,
       coalesce(waiting, 0) AS waiting,
       coalesce(with_priority, 0) AS with_priority,
       coalesce(started, 0) AS started,
       coalesce(succeeded, 0) AS succeeded,
       coalesce(failed, 0) AS failed,
       oldest_waiting,
       oldest_started,
       oldest_finished
FROM (SELECT DISTINCT storage FROM crashmon.runs) AS known
FULL JOIN (
    SELECT storage,
           count(*) FILTER (WHERE success IS NULL AND starteddatetime IS NULL) AS waiting,
           count(*) FILTER (WHERE success IS NULL AND starteddatetime IS NULL AND priority > 0)
               AS with_priority,
           count(*) FILTER (WHERE success IS NULL AND starteddatetime IS NOT NULL) AS started,
           count(*) FILTER (WHERE success) AS succeeded,
           count(*) FILTER (WHERE NOT success) AS failed,
           now() - min(queueddatetime) FILTER (WHERE success IS NULL AND starteddatetime IS NULL
                                               AND isfinite(queueddatetime))
               AS oldest_waiting,
           now() - min(starteddatetime) FILTER (WHERE success IS NULL AND isfinite(starteddatetime))
               AS oldest_started,
           now() - min(completeddatetime) FILTER (WHERE success IS NOT NULL
                                                  AND isfinite(completeddatetime))
               AS oldest_finished
    FROM jobs GROUP BY storage) AS counted USING (storage);

-- The processors: how long ago each was seen, and its unfinished jobs; it has begun `started` of
-- them. A row without id counts unfinished jobs without an owner.
CREATE VIEW pg_temp.processor_state AS
SELECT p.id,
       p.name,
       CASE WHEN isfinite(p.lastseendatetime) THEN now() - p.lastseendatetime END AS last_seen,
       coalesce(j.unfinished, 0) AS unfinished,
       coalesce(j.started, 0) AS started,
       crashmon.priority_table(p.id) IS NOT NULL AS has_priority_table
FROM processors AS p
FULL JOIN (
    SELECT owner, count(*) AS unfinished, count(starteddatetime) AS started
    FROM jobs WHERE success IS NULL GROUP BY owner) AS j ON j.owner = p.id;

-- The jobs that a processor has taken and not finished, how often they were begun before, for how long,
-- and how long ago it was seen; NULL: it is not registered any more. One with a processor that is alive, and much older than the others, is stuck.
CREATE VIEW pg_temp.started_jobs AS
SELECT j.id, j.uuid, j.storage, j.owner, p.name AS processor, j.attempts,
       CASE WHEN isfinite(j.starteddatetime) THEN now() - j.starteddatetime END AS started_for,
       CASE WHEN isfinite(p.lastseendatetime) THEN now() - p.lastseendatetime END AS last_seen
FROM jobs AS j LEFT JOIN processors AS p ON p.id = j.owner
WHERE j.success IS NULL AND j.starteddatetime IS NOT NULL;

-- What became of crashes in the runs of the last thirty days, of each storage, program and outcome: how many
-- in the last hour, day and week, and when the latest run with such an outcome began.
CREATE VIEW pg_temp.recent_outcomes AS
SELECT storage, program, replace(key, '_', ' ') AS outcome,
       coalesce(sum(value::bigint) FILTER (WHERE started > now() - interval '1 hour'), 0)::bigint AS last_hour,
       coalesce(sum(value::bigint) FILTER (WHERE started > now() - interval '1 day'), 0)::bigint AS last_day,
       coalesce(sum(value::bigint) FILTER (WHERE started > now() - interval '7 days'), 0)::bigint AS last_week,
       max(started) AS latest
FROM crashmon.runs CROSS JOIN LATERAL jsonb_each_text(outcomes)
GROUP BY storage, program, key;

-- The same for the reasons of those that were quarantined.
CREATE VIEW pg_temp.recent_quarantine AS
SELECT storage, program, key AS reason,
       coalesce(sum(value::bigint) FILTER (WHERE started > now() - interval '1 hour'), 0)::bigint AS last_hour,
       coalesce(sum(value::bigint) FILTER (WHERE started > now() - interval '1 day'), 0)::bigint AS last_day,
       coalesce(sum(value::bigint) FILTER (WHERE started > now() - interval '7 days'), 0)::bigint AS last_week,
       max(started) AS latest
FROM crashmon.runs CROSS JOIN LATERAL jsonb_each_text(reasons)
GROUP BY storage, program, key;

-- Who holds which lock in this database: the advisory lock of a program for a storage is
-- (hashtext(program), hashtext(storage)). `host`, `pid` and `started` are those of the run; NULL if
-- the holder has no row in crashmon.runs: another program, or a run that has just started.
-- `storage` is NULL if no run and no job has that name. `since` is the start of the run, else of
-- the session, else NULL: another role's session start is visible only to members of
-- pg_read_all_stats.
CREATE VIEW pg_temp.locks AS
SELECT p.program,
       coalesce(run.storage,
                (SELECT r.storage FROM crashmon.runs AS r
                 WHERE hashtext(r.storage)::oid = l.objid LIMIT 1),
                (SELECT j.storage FROM jobs AS j
                 WHERE hashtext(j.storage)::oid = l.objid LIMIT 1)) AS storage,
       l.pid AS backend,
       run.host,
       run.pid,
       run.started,
       session.application_name,
       coalesce(run.started, session.backend_start) AS since,
       l.objid AS key
FROM pg_locks AS l
JOIN unnest(ARRAY['crashmon-scan', 'crashmon-priority', 'crashmon-cleanup',
                  'crashmon-scan-repair', 'crashmon-cleanup-repair',
                  'crashmon-priority-release']) AS p (program)
    ON hashtext(p.program)::oid = l.classid
LEFT JOIN pg_stat_activity AS session ON session.pid = l.pid
LEFT JOIN LATERAL (
    SELECT r.storage, r.host, r.pid, r.started FROM crashmon.runs AS r
    WHERE r.program IN (p.program, 'crashmon-cleanup')  -- which borrows those of others
        AND r.backend = l.pid AND r.ended IS NULL
        AND hashtext(r.storage)::oid = l.objid
        AND (r.started >= session.backend_start) IS NOT FALSE  -- process ids are reused
    ORDER BY r.started DESC LIMIT 1) AS run ON true
WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database());

-- The latest run of each program and storage. `running`: it has not ended, and its session holds
-- the lock, as that of a process that is gone may do while it waits for a synchronous standby;
-- `killed`: it has not, and its session does not. (On a standby neither can be told.) `overdue`: no
-- run is at work, and the next one is late by more than an interval, so cron no longer starts the
-- program; none is due after a repair. `paused`: runs on this storage do nothing now.
CREATE VIEW pg_temp.last_runs AS
WITH RECURSIVE held AS MATERIALIZED (
    SELECT classid, objid, pid FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2 AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
-- From one to the next, as there are tens of thousands of runs of each.
known (program, storage) AS (
    (SELECT program, storage FROM crashmon.runs ORDER BY program, storage LIMIT 1)
    UNION ALL
    SELECT next.program, next.storage FROM known, LATERAL (
        SELECT r.program, r.storage FROM crashmon.runs AS r
        WHERE (r.program, r.storage) > (known.program, known.storage)
        ORDER BY r.program, r.storage LIMIT 1) AS next),
last AS (
    SELECT latest.* FROM known, LATERAL (
        SELECT * FROM crashmon.runs AS r
        WHERE r.program = known.program AND r.storage = known.storage
            AND r.started = (SELECT max(s.started) FROM crashmon.runs AS s
                             WHERE s.program = known.program AND s.storage = known.storage
                                 AND s.started <= now())
        ORDER BY r.id DESC LIMIT 1) AS latest)
SELECT program, storage, host, pid, started, ended, exit_code, seen, outcomes, next_due,
       CASE WHEN isfinite(started) AND isfinite(next_due)
            THEN next_due > started AND NOT running
                AND now() > greatest(next_due, ended) + (next_due - started)
            ELSE false END AS overdue,
       running,
       ended IS NULL AND NOT running AND NOT pg_is_in_recovery() AS killed,
       EXISTS (SELECT FROM crashmon.pauses AS p WHERE p.storage = last.storage) AS paused,
       error
FROM last, LATERAL (
    SELECT ended IS NULL AND EXISTS (
        SELECT FROM held
        WHERE held.pid = last.backend AND held.classid = hashtext(program)::oid
            AND held.objid = hashtext(storage)::oid) AS running) AS state;

-- Only what has changed is replaced.
DO $$
DECLARE
    its record;
    message text;
    hint text;
BEGIN
    FOR its IN SELECT relname AS name, pg_get_viewdef(oid) AS definition
               FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'v' LOOP
        IF pg_get_viewdef(to_regclass('crashmon.' || its.name)) IS DISTINCT FROM its.definition THEN
            EXECUTE format('CREATE OR REPLACE VIEW crashmon.%I AS %s', its.name, its.definition);
        END IF;
    END LOOP;
EXCEPTION
    WHEN lock_not_available THEN
        RAISE EXCEPTION 'the view crashmon.% is in use for too long: nothing is changed', its.name
            USING HINT = 'pg_locks says by whom; try again when they have ended.';
    WHEN invalid_table_definition OR wrong_object_type THEN
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('crashmon.%s is not the view that it should be: %s; nothing is changed', its.name, SQLERRM),
            'Rename or drop it, then load this again.';
        RAISE EXCEPTION '%', message USING HINT = hint;
END $$;
DISCARD TEMP;
