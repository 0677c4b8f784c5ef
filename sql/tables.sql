-- The tables shared with the processors and the reporter. Names and columns are Socorro's; columns
-- that crashmon adds have a default, so that writers need not know them.
--
-- Nothing is locked that is there already: a statement that would wait is made only where it is needed.

CREATE TABLE IF NOT EXISTS crashmon.processors (
    id serial PRIMARY KEY,
    name varchar(255) NOT NULL UNIQUE,
    startdatetime timestamptz NOT NULL DEFAULT now(),
    lastseendatetime timestamptz NOT NULL DEFAULT now()
);

-- One row for each crash that is queued and not yet put away. A job is unfinished while success is
-- NULL. The owner of a finished job may be removed (SET NULL); the row stays for cleanup.
CREATE TABLE IF NOT EXISTS crashmon.jobs (
    id bigserial PRIMARY KEY,
    pathname varchar(1024) NOT NULL,
    uuid varchar(50) NOT NULL UNIQUE,
    owner integer REFERENCES crashmon.processors (id) ON DELETE SET NULL,
    priority integer NOT NULL DEFAULT 0,
    queueddatetime timestamptz NOT NULL DEFAULT now(),
    starteddatetime timestamptz,
    completeddatetime timestamptz,
    success boolean,
    message text,
    storage text NOT NULL DEFAULT 'main'
);
-- jobs.root: the mark of the root that the pair was queued from (see crashmon.storages).
-- jobs.missingdatetime: since when its pair is missing, which does not count if the job was completed
-- after that. jobs.attempts: how often it was begun and not finished, see attempts.sql.
-- processors.storages: which it serves; NULL: all.
SELECT format('ALTER TABLE crashmon.%s ADD %s %s', its_table, name, type)
FROM (VALUES ('jobs', 'root', 'uuid'), ('jobs', 'missingdatetime', 'timestamptz'),
             ('jobs', 'attempts', 'integer NOT NULL DEFAULT 0 CHECK (attempts >= 0)'),
             ('processors', 'storages', 'text[]')) AS wanted (its_table, name, type)
WHERE NOT EXISTS (SELECT FROM pg_attribute
                  WHERE attrelid = ('crashmon.' || its_table)::regclass AND attname = name)
\gexec

CREATE TABLE IF NOT EXISTS crashmon.priorityjobs (
    uuid varchar(255) PRIMARY KEY,
    requesteddatetime timestamptz NOT NULL DEFAULT now()
);

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute
                   WHERE attrelid = 'crashmon.jobs'::regclass AND attname = 'storage') THEN
        RAISE EXCEPTION 'the tables are those of Socorro: nothing is changed'
            USING HINT = 'Load sql/from-socorro.sql first, see doc/migrating-from-socorro.md.';
    END IF;
END $$;

-- jobs_owner: by owner: the load, counted from the index alone; the unfinished jobs of a dead
-- processor; those it had begun when it registers again; and the foreign key. jobs_to_take: the next
-- jobs of a processor, by priority, then the oldest. jobs_finished: the finished jobs of a storage, by
-- id, for cleanup. jobs_begun, jobs_tried: the unfinished jobs of a storage that were begun too long ago,
-- and too often, for scan.
SELECT format('CREATE INDEX %I ON crashmon.%s', name, definition)
FROM (VALUES
    ('jobs_owner', 'jobs (owner, success, starteddatetime)'),
    ('jobs_to_take', 'jobs (owner, priority DESC, queueddatetime) WHERE starteddatetime IS NULL'),
    ('jobs_finished', 'jobs (storage, id) WHERE success IS NOT NULL'),
    ('jobs_begun', 'jobs (storage, starteddatetime)
                        WHERE success IS NULL AND starteddatetime IS NOT NULL'),
    ('jobs_tried', 'jobs (storage, attempts) WHERE success IS NULL AND attempts > 0')) AS wanted (name, definition)
WHERE NOT EXISTS (SELECT FROM pg_class
                  WHERE relname = name AND relnamespace = 'crashmon'::regnamespace)
\gexec

-- Nothing has happened in the future: such a time becomes now. Otherwise a processor with a wrong clock,
-- time zone or intention would be alive, and be given jobs, long after it is dead, and what it has begun
-- would never be too old.
CREATE OR REPLACE FUNCTION crashmon.not_ahead() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, crashmon, pg_temp AS $$
DECLARE
    latest timestamptz := clock_timestamp();
BEGIN
    RETURN jsonb_populate_record(NEW, (
        SELECT jsonb_object_agg(key, latest) FROM jsonb_each_text(to_jsonb(NEW))
        WHERE CASE WHEN key LIKE '%datetime' THEN value::timestamptz > latest END));
END $$;
-- Not for new jobs, as crashmon alone makes them, thousands at once: a condition that is asked of each row
-- made a fifth of their INSERT.
SELECT format('CREATE OR REPLACE TRIGGER not_ahead BEFORE %2$s ON crashmon.%1$s FOR EACH ROW
                   WHEN (greatest(%3$s) > clock_timestamp()) EXECUTE FUNCTION crashmon.not_ahead();
               UPDATE crashmon.%1$s AS new SET %4$s = %4$s WHERE greatest(%3$s) > now()',
              its_table, events, times, one)
FROM (VALUES ('processors', 'INSERT OR UPDATE', 'new.startdatetime, new.lastseendatetime',
              'startdatetime'),
             ('jobs', 'UPDATE OF queueddatetime, starteddatetime, completeddatetime',
              'new.queueddatetime, new.starteddatetime, new.completeddatetime', 'queueddatetime'),
             ('priorityjobs', 'INSERT OR UPDATE', 'new.requesteddatetime',
              'requesteddatetime')) AS wanted (its_table, events, times, one)
WHERE NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'not_ahead'
                      AND tgfoid = 'crashmon.not_ahead'::regproc
                      AND tgrelid = ('crashmon.' || its_table)::regclass)
\gexec

-- Whoever may register may also use ids up.
SELECT format('ALTER SEQUENCE %s CYCLE', seqrelid::regclass) FROM pg_sequence
WHERE seqrelid = pg_get_serial_sequence('crashmon.processors', 'id')::regclass AND NOT seqcycle
\gexec

-- Every run reads which storages a processor serves: a list for a hundred names is enough.
SELECT 'ALTER TABLE crashmon.processors ADD CONSTRAINT processors_storages
            CHECK (octet_length(storages::text) <= 8192)'
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'processors_storages'
                      AND conrelid = 'crashmon.processors'::regclass)
\gexec

-- Each job is updated twice and deleted, and the queue is short compared with the jobs of a day:
-- vacuum after a few thousand dead rows, not after a fifth of the table, as by default.
SELECT 'ALTER TABLE crashmon.jobs SET (autovacuum_vacuum_scale_factor = 0.01,
            autovacuum_vacuum_threshold = 2000, autovacuum_analyze_scale_factor = 0.05)'
WHERE (SELECT reloptions IS NULL FROM pg_class WHERE oid = 'crashmon.jobs'::regclass)
\gexec
