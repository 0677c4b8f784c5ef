-- What the three programs need beside the shared tables.

-- One row a run that took its lock. The row is made when the run starts and completed when it
-- ends: a row without `ended` is a run at work, or one that was killed. (A server that crashes may lose
-- what was written here in its last half second, though not what the run did.) crashmon-cleanup removes
-- its storage's runs older than thirty days.
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

-- A processor of Socorro's makes a table priority_jobs_<id> for itself. NULL where there is none: a
-- view of that name is none, as something else lies behind it.
CREATE OR REPLACE FUNCTION crashmon.priority_table(processor integer) RETURNS regclass
LANGUAGE sql STABLE STRICT AS $$
    SELECT oid::regclass FROM pg_class
    WHERE oid = to_regclass('priority_jobs_' || processor) AND relkind IN ('r', 'p')
$$;

-- Puts crashes before all others in the eyes of their owners, as far as these have a priority
-- table; the two arrays go in step. Returns how many of the tables could not be written: one that
-- its processor has just dropped or locked, that belongs to a login of its own (see roles.sql), or
-- has other columns. No processor's table keeps others from being served.
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

-- Removes a processor that has not been seen for `silence` and has no unfinished job left. What
-- waits in its priority table is requested anew, and the table is dropped. Returns
--   'kept'     and nothing is changed: it has come back, somebody is at its row, or it has work;
--   'removed'  all is gone;
--   'refused'  its row is gone, but its table cannot be read or dropped (see roles.sql).
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
