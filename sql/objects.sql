-- What is crashmon's in the schema crashmon. All else in it is the site's own: no right on that is given or
-- taken away.
\set tables 'jobs, pauses, priorityjobs, processors, runs, storages'
\set views 'last_runs, locks, processor_state, queue, recent_outcomes, recent_quarantine, started_jobs'
\set functions 'check_change(text, boolean), count_attempt(), crash_state(text), '
\set functions :functions 'fill_priority_tables(integer[], text[]), give_back(bigint), heartbeat(integer), '
\set functions :functions 'is_crash_id(text), job_failed(bigint, text), job_succeeded(bigint), leave(integer), '
\set functions :functions 'lock_priority_table(integer), not_ahead(), pause(text, text), priority_table(integer), '
\set functions :functions 'printable(text), '
\set functions :functions 'register_processor(text), register_processor(text, text[]), '
\set functions :functions 'remove_processor(integer, interval), request_crash(text), resume(text), '
\set functions :functions 'retire_storage(text), retry(timestamptz), schema_version(), silent_since(interval), '
\set functions :functions 'take_jobs(integer, integer)'
SELECT set_config('crashmon.relations', string_to_array(:'tables' || ', ' || :'views', ', ')::text, true),
       set_config('crashmon.functions', regexp_split_to_array(:'functions', '(?<=\)), ')::text, true)
\g (format=unaligned tuples_only) /dev/null
