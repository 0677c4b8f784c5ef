-- All indexes, as they are to be, but those of keys: schema.sql makes them on the model alone, as even IF NOT EXISTS
-- would wait for whoever writes to the table.

-- The load of each processor, counted from the index alone; the unfinished jobs of a dead one; those it had begun
-- when it registers again; and the foreign key.
CREATE INDEX jobs_owner ON :place.jobs (owner, success, starteddatetime);
-- The next jobs of a processor, by priority, then the oldest.
CREATE INDEX jobs_to_take ON :place.jobs (owner, priority DESC, queueddatetime) WHERE starteddatetime IS NULL;
-- The finished jobs of a storage, by id, for cleanup.
CREATE INDEX jobs_finished ON :place.jobs (storage, id) WHERE success IS NOT NULL;
-- The unfinished jobs of a storage that were begun too long ago, and too often, for scan.
CREATE INDEX jobs_begun ON :place.jobs (storage, starteddatetime)
    WHERE success IS NULL AND starteddatetime IS NOT NULL;
CREATE INDEX jobs_tried ON :place.jobs (storage, attempts) WHERE success IS NULL AND attempts > 0;
CREATE INDEX runs_latest ON :place.runs (program, storage, started DESC);
CREATE INDEX runs_started ON :place.runs (started);
CREATE UNIQUE INDEX storages_roots ON :place.storages (identity) WHERE place IN ('storage', 'deferred');
