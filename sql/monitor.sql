-- What the three programs need beside the shared tables.

-- One row for each run that took its lock, made when the run starts and completed when it ends:
-- without `ended`, the run is at work or was killed. (A server that crashes may lose the last half
-- second of this table, but not of the work.) crashmon-cleanup removes rows of its storage after
-- thirty days.
CREATE TABLE IF NOT EXISTS crashmon.runs (
    id bigserial PRIMARY KEY,
    program text NOT NULL,
    storage text NOT NULL,
    host text NOT NULL,               -- where the program ran
    pid integer NOT NULL,             -- its process id there
    backend integer NOT NULL DEFAULT pg_backend_pid(),
    started timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended timestamptz,
    next_due timestamptz NOT NULL,    -- when cron should start the next run; of a repair: now
    exit_code integer,
    seen bigint,
    outcomes jsonb                    -- crashes by outcome; they add up to `seen`
);
CREATE INDEX IF NOT EXISTS runs_latest ON crashmon.runs (program, storage, started DESC);

-- By which mark, the file .crashmon in it, each directory of a storage is known. Destinations and
-- quarantines may be shared, roots may not.
CREATE TABLE IF NOT EXISTS crashmon.storages (
    storage text,
    place text CHECK (place IN ('storage', 'deferred', 'successful', 'failed', 'quarantine')),
    identity uuid NOT NULL,
    path text NOT NULL,               -- where it was seen last,
    host text NOT NULL,               -- and by which host
    swept date,                       -- when its empty days were removed last
    PRIMARY KEY (storage, place)
);
CREATE UNIQUE INDEX IF NOT EXISTS storages_roots ON crashmon.storages (identity)
    WHERE place IN ('storage', 'deferred');

-- The table priority_jobs_<id> that one of Socorro's processors makes for itself, or NULL. A view
-- does not count: it may lead to another table.
CREATE OR REPLACE FUNCTION crashmon.priority_table(processor integer) RETURNS regclass
LANGUAGE sql STABLE STRICT AS $$
    SELECT oid::regclass FROM pg_class
    WHERE oid = to_regclass('priority_jobs_' || processor) AND relkind IN ('r', 'p')
$$;

-- Adds crashes to the priority tables of their owners (owners[i] has uuids[i]), where these have
-- one. Returns how many tables could not be written: just dropped or locked by the processor, owned
-- by a login of its own (see roles.sql), or with other columns. The others are still served.
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

-- Removes a processor not seen for `silence` and without unfinished jobs. What waits in its
-- priority table is requested again, and the table is dropped. Returns
--   'kept'     nothing is changed: it is back, its row is locked, or it has jobs;
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
