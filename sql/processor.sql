-- For authors of processors: functions in place of Socorro's SQL. A processor calls
-- register_processor() once, then take_jobs() and job_succeeded() or job_failed() in a loop, and
-- leave() at the end. Commit after each call: an open transaction makes others wait. Processors that
-- know only Socorro's columns may work beside these.
--
-- When a sign of life is due, and what to do after an answer that was lost: see crashmon(7).

-- Registers a processor and returns its id. If the name exists, its row and id are used again, and
-- jobs that it had begun and not finished can be taken again, which counts as an attempt: a processor
-- that crashed just starts again under its name.
CREATE OR REPLACE FUNCTION crashmon.register_processor(name text) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, crashmon, pg_temp AS $$
#variable_conflict use_column
DECLARE
    processor integer;
BEGIN
    IF coalesce(register_processor.name, '') = '' THEN
        RAISE EXCEPTION 'a processor needs a name' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Somebody may have taken ids without the sequence.
    LOOP
        processor := nextval('processors_id_seq');
        EXIT WHEN NOT EXISTS (SELECT FROM processors WHERE id = processor);
    END LOOP;
    INSERT INTO processors AS p (id, name, startdatetime, lastseendatetime)
        VALUES (processor, register_processor.name, clock_timestamp(), clock_timestamp())
        ON CONFLICT (name) DO UPDATE
            SET startdatetime = excluded.startdatetime,
                lastseendatetime = excluded.lastseendatetime
        RETURNING p.id INTO processor;
    PERFORM crashmon.check_change(format('register processor %s', to_json(left(register_processor.name, 80))), FOUND);
    -- In order of id, like everybody who locks several jobs, to avoid deadlocks.
    UPDATE jobs SET starteddatetime = NULL WHERE id IN (
        SELECT id FROM jobs
        WHERE owner = processor AND success IS NULL AND starteddatetime IS NOT NULL
        ORDER BY id FOR UPDATE);
    RETURN processor;
END $$;

-- Registers a processor that serves some storages only; null: all. The other function leaves that as
-- it is. It counts for jobs that are assigned from now on.
CREATE OR REPLACE FUNCTION crashmon.register_processor(name text, storages text[]) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, crashmon, pg_temp AS $$
#variable_conflict use_column
DECLARE
    processor integer;
    is_done boolean;
BEGIN
    IF storages = '{}' OR EXISTS (SELECT FROM unnest(storages) AS one WHERE one IS NULL) THEN
        RAISE EXCEPTION 'a processor serves all storages (null), or one at least, each with its name'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    processor := crashmon.register_processor(name);
    UPDATE processors SET storages = register_processor.storages WHERE id = processor
        RETURNING storages IS NOT DISTINCT FROM register_processor.storages INTO is_done;
    PERFORM crashmon.check_change(format('record which storages processor %s serves', processor), is_done);
    RETURN processor;
END $$;

-- Records that the processor is alive. False: it was silent for too long and was removed; its jobs
-- have other owners, and it must register again. Never waits: a session that has locked the row
-- records the same.
CREATE OR REPLACE FUNCTION crashmon.heartbeat(processor integer) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, crashmon, pg_temp AS $$
DECLARE
    is_done boolean;
BEGIN
    PERFORM FROM processors WHERE id = processor FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN EXISTS (SELECT FROM processors WHERE id = processor);
    END IF;
    -- A trigger may round it.
    UPDATE processors SET lastseendatetime = clock_timestamp() WHERE id = processor
        RETURNING lastseendatetime > clock_timestamp() - interval '1 minute' INTO is_done;
    PERFORM crashmon.check_change(format('record that processor %s is alive', processor), is_done);
    RETURN true;
END $$;

-- Takes up to `how_many` jobs that the processor owns and has not begun: first those in its
-- priority table, if it has one, then by priority, then the oldest. They count as begun. A job that
-- has an attempt is taken alone, lest it takes others with it again: when it is next there is nothing
-- until the processor has finished all else, and then until it has finished that one. (What was begun
-- more than an hour ago does not count: its answer may be lost.) Removes the jobs taken from the
-- priority table, and names that no job waits for. It is a heartbeat, too; for a processor that was
-- removed it is an error (no_data_found). Several threads of a processor may call it at the same time:
-- none waits for another, and no job is given out twice.
CREATE OR REPLACE FUNCTION crashmon.take_jobs(processor integer, how_many integer)
RETURNS TABLE (id bigint, uuid text, pathname text, storage text)
LANGUAGE plpgsql SET search_path = pg_catalog, crashmon, pg_temp AS $$
#variable_conflict use_column
DECLARE
    an_hour_ago CONSTANT timestamptz := clock_timestamp() - interval '1 hour';
    its_table regclass;
    named text[];
    first bigint[] := '{}';
    rest bigint[];
    taken bigint[];
BEGIN
    IF how_many IS NULL OR how_many < 1 THEN
        RAISE EXCEPTION 'how_many must be 1 or more' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT crashmon.heartbeat(processor) THEN
        RAISE EXCEPTION 'processor % is not registered', processor
            USING ERRCODE = 'no_data_found',
                  HINT = 'It was removed, or never registered; call crashmon.register_processor().';
    END IF;
    -- Shared by those who take any job; who takes one that has to be alone needs the row for itself.
    PERFORM FROM processors WHERE id = processor FOR KEY SHARE SKIP LOCKED;
    IF NOT FOUND OR EXISTS (SELECT FROM jobs
                            WHERE owner = processor AND success IS NULL AND attempts > 0
                                AND starteddatetime BETWEEN an_hour_ago AND clock_timestamp()) THEN
        RETURN;
    END IF;

    IF crashmon.lock_priority_table(processor) = 'ready' THEN
        its_table := crashmon.priority_table(processor);
        EXECUTE format('SELECT array_agg(uuid::text) FROM ONLY %s WHERE octet_length(uuid) <= 255',
                       its_table) INTO named;
    END IF;
    IF named IS NOT NULL THEN
        SELECT coalesce(array_agg(id), '{}') INTO first FROM (
            SELECT id FROM jobs
            WHERE uuid = ANY (named)
                AND owner = processor AND starteddatetime IS NULL AND success IS NULL
            ORDER BY priority DESC, queueddatetime
            LIMIT how_many FOR UPDATE SKIP LOCKED) AS next;
    END IF;
    SELECT array_agg(id) INTO rest FROM (
        SELECT id FROM jobs
        WHERE owner = processor AND starteddatetime IS NULL AND success IS NULL
            AND id <> ALL (first)
        ORDER BY priority DESC, queueddatetime
        LIMIT how_many - cardinality(first) FOR UPDATE SKIP LOCKED) AS next;
    taken := first || rest;
    IF EXISTS (SELECT FROM jobs WHERE id = taken[1] AND attempts > 0) THEN
        taken := taken[1:1];
        PERFORM FROM processors WHERE id = processor FOR UPDATE SKIP LOCKED;
        IF NOT FOUND OR EXISTS (SELECT FROM jobs
                                WHERE owner = processor AND success IS NULL
                                    AND starteddatetime BETWEEN an_hour_ago AND clock_timestamp()) THEN
            RETURN;
        END IF;
    END IF;

    RETURN QUERY
        WITH started AS (
            UPDATE jobs SET starteddatetime = clock_timestamp()
            WHERE id = ANY (taken) AND (attempts = 0 OR id = taken[1])
            RETURNING id, uuid, pathname, storage, starteddatetime)
        SELECT s.id, s.uuid::text, s.pathname::text, s.storage
        FROM started AS s JOIN unnest(taken) WITH ORDINALITY AS t (id, place) USING (id)
        WHERE s.starteddatetime IS NOT NULL -- or it would be given out again and again
        ORDER BY t.place;
    PERFORM crashmon.check_change(format('begin job %s', taken[1]), FOUND OR taken = '{}');

    IF named IS NOT NULL THEN
        SELECT array_agg(u) INTO named FROM unnest(named) AS u
            WHERE NOT EXISTS (SELECT FROM jobs AS j
                              WHERE j.uuid = u AND j.owner = processor AND j.success IS NULL
                                  AND j.starteddatetime IS NULL);
        -- What stays, if the table admits no DELETE, is looked for again the next time.
        BEGIN
            EXECUTE format('DELETE FROM ONLY %1$s WHERE uuid IN (
                                SELECT uuid FROM ONLY %1$s WHERE uuid = ANY ($1) FOR UPDATE SKIP LOCKED)',
                           its_table)
                USING named;
        EXCEPTION
            WHEN serialization_failure OR deadlock_detected THEN RAISE;
            WHEN OTHERS THEN NULL;
        END;
    END IF;
END $$;

-- Records that a job is done. False, with nothing changed: its end is already recorded, by this
-- processor or by another one that got it after a long silence of this one. True counts as a
-- heartbeat of the owner if the job was begun: a reassigned job says nothing about its new owner.
CREATE OR REPLACE FUNCTION crashmon.job_succeeded(job bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, crashmon, pg_temp AS $$
DECLARE
    at_work integer;
    is_done boolean;
BEGIN
    -- Lock the job first: while this waits, it holds nothing that others may want.
    SELECT CASE WHEN starteddatetime IS NOT NULL THEN owner END INTO at_work FROM jobs
        WHERE id = job AND success IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    -- A reassigned job has no start, and Socorro's processors would take it.
    UPDATE jobs SET completeddatetime = clock_timestamp(), success = true, message = NULL,
            starteddatetime = coalesce(starteddatetime, clock_timestamp())
        WHERE id = job
        RETURNING success INTO is_done;
    PERFORM crashmon.check_change(format('record the end of job %s', job), is_done);
    -- A sign of life, but not heartbeat(): what has been done counts more than that.
    UPDATE processors SET lastseendatetime = clock_timestamp()
        WHERE id = (SELECT id FROM processors WHERE id = at_work FOR NO KEY UPDATE SKIP LOCKED);
    RETURN true;
END $$;

-- Records that a job failed, and why. Otherwise as above.
CREATE OR REPLACE FUNCTION crashmon.job_failed(job bigint, message text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, crashmon, pg_temp AS $$
#variable_conflict use_column
DECLARE
    at_work integer;
    is_done boolean;
BEGIN
    SELECT CASE WHEN starteddatetime IS NOT NULL THEN owner END INTO at_work FROM jobs
        WHERE id = job AND success IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE jobs SET completeddatetime = clock_timestamp(), success = false,
            message = job_failed.message,
            starteddatetime = coalesce(starteddatetime, clock_timestamp())
        WHERE id = job
        RETURNING NOT success INTO is_done;
    PERFORM crashmon.check_change(format('record the end of job %s', job), is_done);
    -- A sign of life, but not heartbeat(): what has been done counts more than that.
    UPDATE processors SET lastseendatetime = clock_timestamp()
        WHERE id = (SELECT id FROM processors WHERE id = at_work FOR NO KEY UPDATE SKIP LOCKED);
    RETURN true;
END $$;

-- Gives a job back that the processor has taken and cannot finish, through no fault of the job: it
-- waits again, and that is no attempt. False: it is finished, or was not begun. A heartbeat, too.
CREATE OR REPLACE FUNCTION crashmon.give_back(job bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, crashmon, pg_temp AS $$
DECLARE
    at_work integer;
    is_done boolean;
BEGIN
    SELECT owner INTO at_work FROM jobs
        WHERE id = job AND success IS NULL AND starteddatetime IS NOT NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE jobs SET starteddatetime = NULL, attempts = attempts - 1 WHERE id = job
        RETURNING starteddatetime IS NULL INTO is_done;
    PERFORM crashmon.check_change(format('give job %s back', job), is_done);
    -- A sign of life, but not heartbeat(): what has been done counts more than that.
    UPDATE processors SET lastseendatetime = clock_timestamp()
        WHERE id = (SELECT id FROM processors WHERE id = at_work FOR NO KEY UPDATE SKIP LOCKED);
    RETURN true;
END $$;

-- Ends the work of a processor: gives back all that it has begun, and counts as dead from now on, so
-- that the next crashmon-scan gives its jobs to others and removes it. False: it is not registered.
CREATE OR REPLACE FUNCTION crashmon.leave(processor integer) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, crashmon, pg_temp AS $$
DECLARE
    is_done boolean;
BEGIN
    UPDATE jobs SET starteddatetime = NULL, attempts = attempts - 1 WHERE id IN (
        SELECT id FROM jobs
        WHERE owner = processor AND success IS NULL AND starteddatetime IS NOT NULL
        ORDER BY id FOR UPDATE);
    UPDATE processors SET lastseendatetime = '-infinity' WHERE id = processor
        RETURNING lastseendatetime = '-infinity' INTO is_done;
    IF NOT FOUND AND NOT EXISTS (SELECT FROM processors WHERE id = processor) THEN
        RETURN false;
    END IF;
    PERFORM crashmon.check_change(format('record that processor %s leaves', processor), is_done);
    RETURN true;
END $$;
