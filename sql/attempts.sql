-- Work has a budget: a crash that ends each processor which takes it is not handed on for ever.

-- Counts an attempt whenever a job that was begun goes back into the queue unfinished: its processor
-- has started again, or was removed, or was given up on this job. That counts whoever does it, one of
-- Socorro's processors too. Whoever gives a job back that is not to blame takes one attempt away in
-- the same statement, see crashmon.give_back().
CREATE OR REPLACE FUNCTION crashmon.count_attempt() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, crashmon, pg_temp AS $$
BEGIN
    NEW.attempts := least(NEW.attempts, 1000000) + 1;
    RETURN NEW;
END $$;
SELECT CASE WHEN tgname IS NULL THEN trigger ELSE 'ALTER TABLE crashmon.jobs ENABLE TRIGGER count_attempt' END
FROM unnest(current_setting('crashmon.triggers')::text[]) AS trigger
LEFT JOIN pg_trigger ON tgrelid = 'crashmon.jobs'::regclass AND tgname = 'count_attempt'
WHERE trigger LIKE 'CREATE TRIGGER count_attempt %' AND (tgenabled IN ('O', 'A')) IS NOT TRUE
\gexec

-- Makes the jobs that have failed since a time unfinished again, without attempts: for when their
-- processors were to blame. Returns how many, without those that a trigger has left as they were. Where
-- nobody has noted when a job ended, the time counts at which it was started, or queued. Those that
-- crashmon-cleanup has put away are gone, but for one whose row somebody had locked: its pair is not in
-- the spool any more, and it fails once more. While crashmon-cleanup is at work with a storage it is an
-- error (object_in_use), and nothing is changed.
CREATE OR REPLACE FUNCTION crashmon.retry(since timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, crashmon, pg_temp AS $$
DECLARE
    its_storage text;
    retried bigint;
BEGIN
    FOR its_storage IN SELECT DISTINCT storage FROM jobs
                       WHERE success IS NOT NULL AND NOT success
                           AND coalesce(completeddatetime, starteddatetime, queueddatetime) >= since LOOP
        IF NOT pg_try_advisory_xact_lock(hashtext('crashmon-cleanup'), hashtext(its_storage)) THEN
            RAISE EXCEPTION 'crashmon-cleanup is at work with storage %', crashmon.printable(its_storage)
                USING ERRCODE = 'object_in_use', HINT = 'Try again when it has ended.';
        END IF;
    END LOOP;
    WITH changed AS (
        UPDATE jobs SET success = NULL, message = NULL, starteddatetime = NULL, completeddatetime = NULL,
                missingdatetime = NULL, attempts = 0
            WHERE id IN (SELECT id FROM jobs
                         WHERE success IS NOT NULL AND NOT success
                             AND coalesce(completeddatetime, starteddatetime, queueddatetime) >= since
                         ORDER BY id FOR NO KEY UPDATE)
            RETURNING success, starteddatetime)
    SELECT count(*) INTO retried FROM changed WHERE num_nonnulls(success, starteddatetime) = 0;
    RETURN retried;
END $$;
