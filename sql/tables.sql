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
