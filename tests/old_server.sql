-- The server of the tests has just been started, and nobody is dead who could not have been seen
-- before: with this it counts as one that has always been there.
SET search_path = pg_catalog;
DO $$ BEGIN
    EXECUTE replace(pg_get_functiondef('crashmon.silent_since'::regproc), 'pg_postmaster_start_time()',
                    '''-infinity''::timestamptz');
END $$;
