-- For whoever writes a processor today: five functions instead of Socorro's SQL. A processor
-- calls register_processor() once, then take_jobs() and job_succeeded() or job_failed() for ever.
-- Commit after each call: others wait for what an open transaction holds. Processors that know only
-- Socorro's columns may work beside these.
--
-- A processor that has given no sign of life for the processor-check-in-time gets no new jobs, and
-- after twice that time its jobs go to others. Signs of life are take_jobs(), also where there was
-- nothing to take, job_succeeded() and job_failed() of a job that it had begun, and heartbeat(). One
-- of them is due well within that time: where one job takes longer, heartbeat() from a timer, or
-- between the steps of the work.
--
-- When the connection breaks during a call, nobody knows whether the call was carried out.
-- register_processor(), heartbeat(), job_succeeded() and job_failed() are simply called again: false
-- from the last two means that the job's end is recorded already. After take_jobs(), jobs may count as
-- begun that the processor has never heard of, and nobody takes them while it lives: it registers
-- again under its name, and takes them anew. But not before it has reported all the jobs that it has
-- at work, in all its threads, or these are given out once more.

-- Registers a processor and returns its id. A name is one processor: when it exists already the
-- row is refreshed and its id taken up again, and the jobs that it had begun and not finished
-- can be taken anew. So a processor that crashed just starts again under its old name.
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
    -- In order of id, as everybody does who waits for several jobs: so nobody waits in a circle.
    UPDATE jobs SET starteddatetime = NULL WHERE id IN (
        SELECT id FROM jobs
        WHERE owner = processor AND success IS NULL AND starteddatetime IS NOT NULL
        ORDER BY id FOR UPDATE);
    RETURN processor;
END $$;

-- Tells that the processor is alive. False: it was silent for too long and was removed; its jobs
-- have other owners now, and it must register again. It never waits: when another session is at
-- the row, that one tells the same.
CREATE OR REPLACE FUNCTION crashmon.heartbeat(processor integer) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE processors SET lastseendatetime = clock_timestamp()
        WHERE id = (SELECT id FROM processors WHERE id = processor FOR NO KEY UPDATE SKIP LOCKED);
    RETURN FOUND OR EXISTS (SELECT FROM processors WHERE id = processor);
END $$;

-- Takes up to `how_many` jobs that the processor owns and nobody has begun, in the order in which
-- they are to be done: those named in its priority table, if it has one; then by priority; then
-- the oldest. They count as started from now on. What leaves the priority table: the jobs taken,
-- and names that no job waits for. It is a heartbeat as well; for a processor that was removed it
-- is an error (no_data_found). Several threads of one processor may call it at the same time;
-- none waits for another and no job is given out twice.
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

-- Reports that a job is done. False, and nothing is changed: there is no such unfinished job, because
-- its end is recorded already, by this processor or by another one that it went to when this one was
-- silent for too long. True is a sign of life of the job's owner if the job was begun, and like a
-- heartbeat it does not wait: a job that has just gone to another processor tells nothing about that
-- one.
CREATE OR REPLACE FUNCTION crashmon.job_succeeded(job bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    at_work integer;
BEGIN
    -- The job first: while this waits for it, it holds nothing that anybody else may want.
    SELECT CASE WHEN starteddatetime IS NOT NULL THEN owner END INTO at_work FROM jobs
        WHERE id = job AND success IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    -- A job that changed hands has no start; without one Socorro's processors would take it.
    UPDATE jobs SET completeddatetime = clock_timestamp(), success = true, message = NULL,
            starteddatetime = coalesce(starteddatetime, clock_timestamp())
        WHERE id = job;
    PERFORM crashmon.heartbeat(at_work);
    RETURN true;
END $$;

-- Reports that a job could not be done, and why. As above.
CREATE OR REPLACE FUNCTION crashmon.job_failed(job bigint, message text) RETURNS boolean
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    at_work integer;
BEGIN
    SELECT CASE WHEN starteddatetime IS NOT NULL THEN owner END INTO at_work FROM jobs
        WHERE id = job AND success IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE jobs SET completeddatetime = clock_timestamp(), success = false,
            message = job_failed.message,
            starteddatetime = coalesce(starteddatetime, clock_timestamp())
        WHERE id = job;
    PERFORM crashmon.heartbeat(at_work);
    RETURN true;
END $$;
