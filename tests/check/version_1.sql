-- The schema of version 1, and with -v roles= its roles, for tests of the upgrade.
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS crashmon;
CREATE OR REPLACE FUNCTION crashmon.schema_version() RETURNS integer
LANGUAGE sql IMMUTABLE RETURN 1;

CREATE TABLE IF NOT EXISTS processors (
    id serial PRIMARY KEY,
    name varchar(255) NOT NULL UNIQUE,
    startdatetime timestamptz NOT NULL DEFAULT now(),
    lastseendatetime timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS jobs (
    id bigserial PRIMARY KEY,
    pathname varchar(1024) NOT NULL,
    uuid varchar(50) NOT NULL UNIQUE,
    owner integer REFERENCES processors (id) ON DELETE SET NULL,
    priority integer NOT NULL DEFAULT 0,
    queueddatetime timestamptz NOT NULL DEFAULT now(),
    starteddatetime timestamptz,
    completeddatetime timestamptz,
    success boolean,
    message text,
    storage text NOT NULL DEFAULT 'main'
);

CREATE INDEX IF NOT EXISTS jobs_owner ON jobs (owner, success, starteddatetime);
CREATE INDEX IF NOT EXISTS jobs_to_take ON jobs (owner, priority DESC, queueddatetime)
    WHERE starteddatetime IS NULL;
CREATE INDEX IF NOT EXISTS jobs_finished ON jobs (storage, id) WHERE success IS NOT NULL;

ALTER TABLE jobs SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000,
                      autovacuum_analyze_scale_factor = 0.05);

CREATE TABLE IF NOT EXISTS priorityjobs (
    uuid varchar(255) PRIMARY KEY,
    requesteddatetime timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS crashmon.runs (
    id bigserial PRIMARY KEY,
    program text NOT NULL,
    storage text NOT NULL,
    host text NOT NULL,               -- where the program ran,
    pid integer NOT NULL,             -- and its process id there
    backend integer NOT NULL DEFAULT pg_backend_pid(),
    started timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended timestamptz,
    next_due timestamptz NOT NULL,    -- when cron is meant to start the next one
    exit_code integer,
    seen bigint,
    outcomes jsonb                    -- how many crashes had which outcome; they add up to `seen`
);
CREATE INDEX IF NOT EXISTS runs_latest ON crashmon.runs (program, storage, started DESC);

CREATE OR REPLACE FUNCTION crashmon.priority_table(processor integer) RETURNS regclass
LANGUAGE sql STABLE STRICT AS $$
    SELECT oid::regclass FROM pg_class
    WHERE oid = to_regclass('priority_jobs_' || processor) AND relkind IN ('r', 'p')
$$;

CREATE OR REPLACE FUNCTION crashmon.put_in_priority_tables(owners integer[], uuids text[])
RETURNS integer LANGUAGE plpgsql STRICT SET lock_timeout = '1s' AS $$
DECLARE
    processor integer;
    its_table regclass;
    refused integer := 0;
BEGIN
    FOR processor IN SELECT DISTINCT o FROM unnest(owners) AS o ORDER BY o LOOP
        its_table := crashmon.priority_table(processor);
        CONTINUE WHEN its_table IS NULL;
        BEGIN
            EXECUTE format(
                'INSERT INTO %1$s (uuid)
                 SELECT DISTINCT u FROM unnest($1, $2) AS t (o, u)
                 WHERE o = $3 AND NOT EXISTS (SELECT FROM %1$s AS have WHERE have.uuid = u)
                 ON CONFLICT DO NOTHING', its_table)
            USING owners, uuids, processor;
        EXCEPTION
            WHEN serialization_failure OR deadlock_detected THEN RAISE;
            WHEN OTHERS THEN refused := refused + 1;
        END;
    END LOOP;
    RETURN refused;
END $$;

CREATE OR REPLACE FUNCTION crashmon.remove_processor(processor integer, silence interval)
RETURNS text LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
    its_table regclass;
    result text := 'removed';
BEGIN
    PERFORM FROM processors WHERE id = processor AND lastseendatetime < now() - silence
        FOR UPDATE SKIP LOCKED;
    IF NOT FOUND OR EXISTS (SELECT FROM jobs WHERE owner = processor AND success IS NULL) THEN
        RETURN 'kept';
    END IF;
    its_table := crashmon.priority_table(processor);
    IF its_table IS NOT NULL THEN
        BEGIN
            EXECUTE format('INSERT INTO priorityjobs (uuid) SELECT uuid FROM %s
                            WHERE crashmon.is_crash_id(uuid) ON CONFLICT DO NOTHING', its_table);
        EXCEPTION
            WHEN serialization_failure OR deadlock_detected THEN RAISE;
            WHEN OTHERS THEN result := 'refused';
        END;
        BEGIN
            EXECUTE format('DROP TABLE IF EXISTS %s', its_table);
        EXCEPTION
            WHEN serialization_failure OR deadlock_detected THEN RAISE;
            WHEN OTHERS THEN result := 'refused';
        END;
    END IF;
    DELETE FROM processors WHERE id = processor;
    RETURN result;
END $$;

CREATE OR REPLACE FUNCTION crashmon.register_processor(name text) RETURNS integer
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    processor integer;
BEGIN
    IF coalesce(register_processor.name, '') = '' THEN
        RAISE EXCEPTION 'a processor needs a name' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO processors AS p (name, startdatetime, lastseendatetime)
        VALUES (register_processor.name, clock_timestamp(), clock_timestamp())
        ON CONFLICT (name) DO UPDATE
            SET startdatetime = excluded.startdatetime,
                lastseendatetime = excluded.lastseendatetime
        RETURNING p.id INTO processor;
    UPDATE jobs SET starteddatetime = NULL WHERE id IN (
        SELECT id FROM jobs
        WHERE owner = processor AND success IS NULL AND starteddatetime IS NOT NULL
        ORDER BY id FOR UPDATE);
    RETURN processor;
END $$;

CREATE OR REPLACE FUNCTION crashmon.heartbeat(processor integer) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE processors SET lastseendatetime = clock_timestamp()
        WHERE id = (SELECT id FROM processors WHERE id = processor FOR NO KEY UPDATE SKIP LOCKED);
    RETURN FOUND OR EXISTS (SELECT FROM processors WHERE id = processor);
END $$;

CREATE OR REPLACE FUNCTION crashmon.take_jobs(processor integer, how_many integer)
RETURNS TABLE (id bigint, uuid text, pathname text, storage text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    its_table regclass := crashmon.priority_table(processor);
    named text[];
    first bigint[] := '{}';
    rest bigint[];
BEGIN
    IF how_many IS NULL OR how_many < 1 THEN
        RAISE EXCEPTION 'how_many must be 1 or more' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT crashmon.heartbeat(processor) THEN
        RAISE EXCEPTION 'processor % is not registered', processor
            USING ERRCODE = 'no_data_found',
                  HINT = 'It was removed, or never was there: call crashmon.register_processor().';
    END IF;

    IF its_table IS NOT NULL THEN
        EXECUTE format('SELECT array_agg(uuid::text) FROM %s', its_table) INTO named;
    END IF;
    IF named IS NOT NULL THEN
        SELECT coalesce(array_agg(id), '{}') INTO first FROM (
            SELECT id FROM jobs
            WHERE uuid = ANY (named)
                AND owner = processor AND starteddatetime IS NULL AND success IS NULL
            ORDER BY priority DESC, queueddatetime
            LIMIT how_many FOR UPDATE SKIP LOCKED) AS next;
        SELECT array_agg(u) INTO named FROM unnest(named) AS u
            WHERE NOT EXISTS (SELECT FROM jobs AS j
                              WHERE j.uuid = u AND j.owner = processor AND j.success IS NULL
                                  AND j.starteddatetime IS NULL AND j.id <> ALL (first));
        EXECUTE format('DELETE FROM %1$s WHERE uuid IN (
                            SELECT uuid FROM %1$s WHERE uuid = ANY ($1) FOR UPDATE SKIP LOCKED)',
                       its_table)
            USING named;
    END IF;
    SELECT array_agg(id) INTO rest FROM (
        SELECT id FROM jobs
        WHERE owner = processor AND starteddatetime IS NULL AND success IS NULL
            AND id <> ALL (first)
        ORDER BY priority DESC, queueddatetime
        LIMIT how_many - cardinality(first) FOR UPDATE SKIP LOCKED) AS next;

    RETURN QUERY
        WITH started AS (
            UPDATE jobs SET starteddatetime = clock_timestamp() WHERE id = ANY (first || rest)
            RETURNING id, uuid, pathname, storage)
        SELECT s.id, s.uuid::text, s.pathname::text, s.storage
        FROM started AS s JOIN unnest(first || rest) WITH ORDINALITY AS t (id, place) USING (id)
        ORDER BY t.place;
END $$;

CREATE OR REPLACE FUNCTION crashmon.job_succeeded(job bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE jobs SET completeddatetime = clock_timestamp(), success = true, message = NULL,
            starteddatetime = coalesce(starteddatetime, clock_timestamp())
        WHERE id = job AND success IS NULL;
    RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION crashmon.job_failed(job bigint, message text) RETURNS boolean
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    UPDATE jobs SET completeddatetime = clock_timestamp(), success = false,
            message = job_failed.message,
            starteddatetime = coalesce(starteddatetime, clock_timestamp())
        WHERE id = job AND success IS NULL;
    RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION crashmon.is_crash_id(text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce($1 COLLATE "C" ~
        '\A[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\Z', false)
$$;

CREATE OR REPLACE FUNCTION crashmon.request_crash(uuid text) RETURNS boolean
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    IF NOT crashmon.is_crash_id(request_crash.uuid) THEN
        RAISE EXCEPTION 'no crash id: %', to_json(coalesce(left(request_crash.uuid, 80), ''))
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO priorityjobs (uuid) VALUES (request_crash.uuid) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION crashmon.crash_state(uuid text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT CASE WHEN j.success THEN 'finished'
                     WHEN NOT j.success THEN 'failed'
                     WHEN j.starteddatetime IS NOT NULL THEN 'started'
                     ELSE 'queued' END
         FROM jobs AS j WHERE j.uuid = crash_state.uuid),
        (SELECT 'requested' FROM priorityjobs AS p WHERE p.uuid = crash_state.uuid))
$$;

CREATE OR REPLACE VIEW crashmon.queue AS
SELECT storage,
       coalesce(waiting, 0) AS waiting,
       coalesce(with_priority, 0) AS with_priority,
       coalesce(started, 0) AS started,
       coalesce(succeeded, 0) AS succeeded,
       coalesce(failed, 0) AS failed,
       oldest_waiting
FROM (SELECT DISTINCT storage FROM crashmon.runs) AS known
FULL JOIN (
    SELECT storage,
           count(*) FILTER (WHERE success IS NULL AND starteddatetime IS NULL) AS waiting,
           count(*) FILTER (WHERE success IS NULL AND starteddatetime IS NULL AND priority > 0)
               AS with_priority,
           count(*) FILTER (WHERE success IS NULL AND starteddatetime IS NOT NULL) AS started,
           count(*) FILTER (WHERE success) AS succeeded,
           count(*) FILTER (WHERE NOT success) AS failed,
           now() - min(queueddatetime) FILTER (WHERE success IS NULL AND starteddatetime IS NULL)
               AS oldest_waiting
    FROM jobs GROUP BY storage) AS counted USING (storage);

CREATE OR REPLACE VIEW crashmon.processor_state AS
SELECT p.id,
       p.name,
       now() - p.lastseendatetime AS last_seen,
       coalesce(j.unfinished, 0) AS unfinished,
       coalesce(j.started, 0) AS started,
       crashmon.priority_table(p.id) IS NOT NULL AS has_priority_table
FROM processors AS p
FULL JOIN (
    SELECT owner, count(*) AS unfinished, count(starteddatetime) AS started
    FROM jobs WHERE success IS NULL GROUP BY owner) AS j ON j.owner = p.id;

CREATE OR REPLACE VIEW crashmon.locks AS
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
JOIN unnest(ARRAY['crashmon-scan', 'crashmon-priority', 'crashmon-cleanup']) AS p (program)
    ON hashtext(p.program)::oid = l.classid
LEFT JOIN pg_stat_activity AS session ON session.pid = l.pid
LEFT JOIN LATERAL (
    SELECT r.storage, r.host, r.pid, r.started FROM crashmon.runs AS r
    WHERE r.program = p.program AND r.backend = l.pid AND r.ended IS NULL
        AND hashtext(r.storage)::oid = l.objid
        AND (r.started >= session.backend_start) IS NOT FALSE  -- process ids come back
    ORDER BY r.started DESC LIMIT 1) AS run ON true
WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database());

CREATE OR REPLACE VIEW crashmon.last_runs AS
WITH held AS MATERIALIZED (
    SELECT classid, objid, pid FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2 AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
last AS (
    SELECT DISTINCT ON (program, storage) * FROM crashmon.runs
    ORDER BY program, storage, started DESC, id DESC)
SELECT program, storage, host, pid, started, ended, exit_code, seen, outcomes, next_due,
       now() > next_due + (next_due - started) AS overdue,
       ended IS NULL AND EXISTS (
           SELECT FROM held
           WHERE held.pid = last.backend AND held.classid = hashtext(program)::oid
               AND held.objid = hashtext(storage)::oid) AS running
FROM last;
DROP TABLE IF EXISTS crashmon.schema_version;
DROP FUNCTION IF EXISTS crashmon.lock_class(text), crashmon.lock_key(text);
COMMIT;
\if :{?roles}
BEGIN;
SET LOCAL client_min_messages = warning;

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['crashmon_monitor', 'crashmon_processor', 'crashmon_reporter'] LOOP
        IF to_regrole(role) IS NULL THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        END IF;
    END LOOP;
    IF NOT pg_has_role('crashmon_monitor', 'crashmon_processor', 'USAGE') THEN
        GRANT crashmon_processor TO crashmon_monitor;
    END IF;
END $$;

SELECT relnamespace::regnamespace AS shared FROM pg_class WHERE oid = 'jobs'::regclass \gset
GRANT USAGE ON SCHEMA :shared, crashmon TO crashmon_monitor, crashmon_processor, crashmon_reporter;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA crashmon FROM PUBLIC;

GRANT SELECT, INSERT, UPDATE, DELETE ON jobs, priorityjobs, crashmon.runs TO crashmon_monitor;
GRANT SELECT, UPDATE, DELETE ON processors TO crashmon_monitor;
GRANT SELECT ON crashmon.queue, crashmon.processor_state, crashmon.locks, crashmon.last_runs
    TO crashmon_monitor;
GRANT USAGE ON SEQUENCE jobs_id_seq, crashmon.runs_id_seq TO crashmon_monitor;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA crashmon TO crashmon_monitor;

GRANT SELECT, INSERT (name, startdatetime, lastseendatetime),
    UPDATE (name, startdatetime, lastseendatetime) ON processors TO crashmon_processor;
GRANT USAGE ON SEQUENCE processors_id_seq TO crashmon_processor;
GRANT SELECT, UPDATE (starteddatetime, completeddatetime, success, message) ON jobs
    TO crashmon_processor;
GRANT EXECUTE ON FUNCTION crashmon.register_processor(text), crashmon.heartbeat(integer),
    crashmon.take_jobs(integer, integer), crashmon.job_succeeded(bigint),
    crashmon.job_failed(bigint, text), crashmon.priority_table(integer) TO crashmon_processor;
GRANT CREATE ON SCHEMA :shared TO crashmon_processor;

GRANT SELECT, INSERT (uuid) ON priorityjobs TO crashmon_reporter;
GRANT SELECT ON jobs, crashmon.queue TO crashmon_reporter;
GRANT EXECUTE ON FUNCTION crashmon.is_crash_id(text), crashmon.request_crash(text),
    crashmon.crash_state(text) TO crashmon_reporter;
COMMIT;
\endif
