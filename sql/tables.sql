-- The tables that crashmon shares with the processors and the reporter. Names and columns are
-- Socorro's; what crashmon adds has a default, so that a writer who does not know it is not
-- disturbed.

CREATE TABLE IF NOT EXISTS processors (
    id serial PRIMARY KEY,
    name varchar(255) NOT NULL UNIQUE,
    startdatetime timestamptz NOT NULL DEFAULT now(),
    lastseendatetime timestamptz NOT NULL DEFAULT now()
);

-- One row a crash that is queued and not yet put away. A job is unfinished while success is
-- NULL. The owner of a finished job is history: it may leave (SET NULL) without taking the row
-- along or keeping cleanup from it.
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

-- What a processor owns: its load, which is counted without a look at the jobs; its unfinished jobs
-- when it dies; those that it had begun when it registers again; and the foreign key.
CREATE INDEX IF NOT EXISTS jobs_owner ON jobs (owner, success, starteddatetime);
-- A processor takes its next jobs: by priority, then the oldest.
CREATE INDEX IF NOT EXISTS jobs_to_take ON jobs (owner, priority DESC, queueddatetime)
    WHERE starteddatetime IS NULL;
-- cleanup takes the finished jobs of its storage, in order of id.
CREATE INDEX IF NOT EXISTS jobs_finished ON jobs (storage, id) WHERE success IS NOT NULL;

-- Each job is updated twice and deleted, and the queue is short compared with what passes through it
-- in a day: vacuum when a few thousand versions are dead, and not, as by default, when a fifth of the
-- table is.
ALTER TABLE jobs SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000,
                      autovacuum_analyze_scale_factor = 0.05);

CREATE TABLE IF NOT EXISTS priorityjobs (
    uuid varchar(255) PRIMARY KEY,
    requesteddatetime timestamptz NOT NULL DEFAULT now()
);
