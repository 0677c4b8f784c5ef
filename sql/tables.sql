-- All tables, as they are to be: schema.sql makes them in the schema :place, where they are missing. Those that are shared
-- with the processors and the reporter have the names and columns of Socorro's; columns that crashmon adds have a
-- default, so that writers need not know them.

CREATE TABLE IF NOT EXISTS :place.processors (
    id serial PRIMARY KEY,
    name varchar(255) NOT NULL UNIQUE,
    startdatetime timestamptz NOT NULL DEFAULT now(),
    lastseendatetime timestamptz NOT NULL DEFAULT now(),
    -- Which it serves; NULL: all. Every run reads it: a list for a hundred names is enough.
    storages text[] CONSTRAINT processors_storages CHECK (octet_length(storages::text) <= 8192)
);

-- One row for each crash that is queued and not yet put away. A job is unfinished while success is
-- NULL. The owner of a finished job may be removed (SET NULL); the row stays for cleanup.
CREATE TABLE IF NOT EXISTS :place.jobs (
    id bigserial PRIMARY KEY,
    pathname varchar(1024) NOT NULL,
    uuid varchar(50) NOT NULL UNIQUE,
    owner integer REFERENCES :place.processors (id) ON DELETE SET NULL,
    priority integer NOT NULL DEFAULT 0,
    queueddatetime timestamptz NOT NULL DEFAULT now(),
    starteddatetime timestamptz,
    completeddatetime timestamptz,
    success boolean,
    message text,
    storage text NOT NULL DEFAULT 'main',
    root uuid,                        -- the mark of the root that the pair was queued from, see storages
    missingdatetime timestamptz,      -- since when its pair is missing, if that is after completeddatetime
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0)   -- how often it was begun and not finished
);

CREATE TABLE IF NOT EXISTS :place.priorityjobs (
    uuid varchar(255) PRIMARY KEY,
    requesteddatetime timestamptz NOT NULL DEFAULT now()
);

-- One row for each run that took its lock, made when the run starts, brought up to date in the transaction
-- of each batch, and completed when it ends: without `ended`, the run is at work or was killed. (A
-- server that crashes may lose that a run has begun or ended in the last half second, but not its work.)
-- crashmon-cleanup removes rows of its storage after thirty days, but the latest of each program.
CREATE TABLE IF NOT EXISTS :place.runs (
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
    outcomes jsonb,                   -- crashes by outcome; they add up to `seen`
    reasons jsonb,                    -- for what crashes were quarantined, as counts
    error text                        -- what the exit code comes from; of 1 the first of it
);

-- By which mark, the file .crashmon in it, each directory of a storage is known. Destinations and
-- quarantines may be shared, roots may not.
CREATE TABLE IF NOT EXISTS :place.storages (
    storage text,
    place text CHECK (place IN ('storage', 'deferred', 'successful', 'failed', 'quarantine')),
    identity uuid NOT NULL,
    path text NOT NULL,               -- where it was seen last,
    host text NOT NULL,               -- and by which host
    swept date,                       -- when its empty days, or old crashes, were removed last,
    kept bigint,                      -- and for how many days crashes were kept then; null: for ever
    looked timestamptz,               -- of 'storage': all requests until then were looked for
    PRIMARY KEY (storage, place)
);

-- Storages on which nothing is to be done for now. A run that finds its storage here ends at once.
CREATE TABLE IF NOT EXISTS :place.pauses (
    storage text PRIMARY KEY,
    reason text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    who name NOT NULL DEFAULT session_user
);
