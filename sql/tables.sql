-- The tables shared with the processors and the reporter. Names and columns are Socorro's; columns
-- that crashmon adds have a default, so that writers need not know them.

CREATE TABLE IF NOT EXISTS processors (
    id serial PRIMARY KEY,
    name varchar(255) NOT NULL UNIQUE,
    startdatetime timestamptz NOT NULL DEFAULT now(),
    lastseendatetime timestamptz NOT NULL DEFAULT now()
);

-- One row for each crash that is queued and not yet put away. A job is unfinished while success is
-- NULL. The owner of a finished job may be removed (SET NULL); the row stays for cleanup.
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
-- The mark of the root that the pair was queued from (see crashmon.storages); and since when the
-- pair of a finished job is missing, which does not count if the job was completed after that.
ALTER TABLE jobs
    ADD COLUMN IF NOT EXISTS root uuid,
    ADD COLUMN IF NOT EXISTS missingdatetime timestamptz;

-- By owner: the load, counted from the index alone; the unfinished jobs of a dead processor; those
-- it had begun when it registers again; and the foreign key.
CREATE INDEX IF NOT EXISTS jobs_owner ON jobs (owner, success, starteddatetime);
-- The next jobs of a processor: by priority, then the oldest.
CREATE INDEX IF NOT EXISTS jobs_to_take ON jobs (owner, priority DESC, queueddatetime)
    WHERE starteddatetime IS NULL;
-- The finished jobs of a storage, by id, for cleanup.
CREATE INDEX IF NOT EXISTS jobs_finished ON jobs (storage, id) WHERE success IS NOT NULL;

-- Each job is updated twice and deleted, and the queue is short compared with the jobs of a day:
-- vacuum after a few thousand dead rows, not after a fifth of the table, as by default.
ALTER TABLE jobs SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000,
                      autovacuum_analyze_scale_factor = 0.05);

CREATE TABLE IF NOT EXISTS priorityjobs (
    uuid varchar(255) PRIMARY KEY,
    requesteddatetime timestamptz NOT NULL DEFAULT now()
);
