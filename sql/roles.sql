-- Three roles with the least rights that work, for logins to be members of:
--
--     psql -d crashes -f sql/roles.sql
--
-- Run it after schema.sql, in each database, and again after an upgrade; it is harmless when run
-- again. Roles belong to the whole server, so the first time it takes a superuser, or the owner
-- of the tables with CREATEROLE; later the owner alone will do. Then make the logins:
--
--     CREATE ROLE monitor1 LOGIN IN ROLE crashmon_monitor;
--     CREATE ROLE reporter1 LOGIN IN ROLE crashmon_reporter;
--     CREATE ROLE processor1 LOGIN IN ROLE crashmon_processor;
--     ALTER ROLE processor1 SET role = crashmon_processor;
--     ALTER ROLE processor1 SET timezone = 'America/Los_Angeles';
--
-- The fourth line is for processors that make a priority table for themselves, as Socorro's do: it
-- makes the table belong to the group, and only so may crashmon-priority write to it, and
-- crashmon-scan remove it when the processor is dead. The last line is for processors that send their own clock's time without a zone, as
-- Socorro's do, from a host that keeps another time than the server.
\set ON_ERROR_STOP on
\set QUIET on
BEGIN;
SET LOCAL client_min_messages = warning;

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['crashmon_monitor', 'crashmon_processor', 'crashmon_reporter'] LOOP
        IF to_regrole(role) IS NULL THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        END IF;
    END LOOP;
    -- To read and remove the priority tables, which belong to the processors.
    IF NOT pg_has_role('crashmon_monitor', 'crashmon_processor', 'USAGE') THEN
        GRANT crashmon_processor TO crashmon_monitor;
    END IF;
END $$;

-- The shared tables are where the search path found room for them.
SELECT relnamespace::regnamespace AS shared FROM pg_class WHERE oid = 'jobs'::regclass \gset
GRANT USAGE ON SCHEMA :shared, crashmon TO crashmon_monitor, crashmon_processor, crashmon_reporter;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA crashmon FROM PUBLIC;

-- monitor: the login of the three programs, and of scripts that watch them.
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs, priorityjobs, crashmon.runs TO crashmon_monitor;
GRANT SELECT, UPDATE, DELETE ON processors TO crashmon_monitor;
GRANT SELECT ON crashmon.queue, crashmon.processor_state, crashmon.locks, crashmon.last_runs
    TO crashmon_monitor;
GRANT USAGE ON SEQUENCE jobs_id_seq, crashmon.runs_id_seq TO crashmon_monitor;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA crashmon TO crashmon_monitor;

-- processor: it tells what became of a job, and cannot say which jobs there are or whose they are.
-- Socorro's from 2011 on name the id when they register, to say DEFAULT.
GRANT SELECT, INSERT (id, name, startdatetime, lastseendatetime),
    UPDATE (name, startdatetime, lastseendatetime) ON processors TO crashmon_processor;
GRANT USAGE ON SEQUENCE processors_id_seq TO crashmon_processor;
GRANT SELECT, UPDATE (starteddatetime, completeddatetime, success, message) ON jobs
    TO crashmon_processor;
GRANT EXECUTE ON FUNCTION crashmon.register_processor(text), crashmon.heartbeat(integer),
    crashmon.take_jobs(integer, integer), crashmon.job_succeeded(bigint),
    crashmon.job_failed(bigint, text), crashmon.priority_table(integer) TO crashmon_processor;
-- For its priority table. Where no processor makes one, take this right away again: what a
-- processor puts on its table (a trigger) runs with the rights of the monitor that writes to it.
GRANT CREATE ON SCHEMA :shared TO crashmon_processor;

-- reporter: it asks for crashes and looks how far they are.
GRANT SELECT, INSERT (uuid) ON priorityjobs TO crashmon_reporter;
GRANT SELECT ON jobs, crashmon.queue TO crashmon_reporter;
GRANT EXECUTE ON FUNCTION crashmon.is_crash_id(text), crashmon.request_crash(text),
    crashmon.crash_state(text) TO crashmon_reporter;
COMMIT;
