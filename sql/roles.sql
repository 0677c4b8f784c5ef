-- Three roles with the least rights, for logins to be members of:
--
--     psql -d crashes -f sql/roles.sql
--
-- Run it after schema.sql in each database, and again after an upgrade; it may be repeated. Roles
-- belong to the whole server, so the first time it takes a superuser, or the owner of the tables
-- with CREATEROLE; later the owner is enough. Then create the logins:
--
--     CREATE ROLE monitor1 LOGIN IN ROLE crashmon_monitor;
--     CREATE ROLE reporter1 LOGIN IN ROLE crashmon_reporter;
--     CREATE ROLE processor1 LOGIN IN ROLE crashmon_processor;
--     ALTER ROLE processor1 SET role = crashmon_processor;
--     ALTER ROLE processor1 SET timezone = 'America/Los_Angeles';
--
-- The fourth line is for processors that make a priority table, as Socorro's do: it makes the table
-- belong to the group, so that crashmon-priority may write to it, and crashmon-scan may drop it
-- when the processor is dead. The last line is for processors that send local times without a zone,
-- as Socorro's do, from a host in another time zone than the server.
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
    -- To read and drop the priority tables, which belong to the processors.
    IF NOT pg_has_role('crashmon_monitor', 'crashmon_processor', 'USAGE') THEN
        GRANT crashmon_processor TO crashmon_monitor;
    END IF;
END $$;

-- The search path says which schema has the shared tables.
SELECT relnamespace::regnamespace AS shared FROM pg_class WHERE oid = 'jobs'::regclass \gset
GRANT USAGE ON SCHEMA :shared, crashmon TO crashmon_monitor, crashmon_processor, crashmon_reporter;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA crashmon FROM PUBLIC;

-- monitor: the login of the three programs, and of monitoring scripts.
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs, priorityjobs, crashmon.runs TO crashmon_monitor;
GRANT SELECT, UPDATE, DELETE ON processors TO crashmon_monitor;
GRANT SELECT, INSERT, UPDATE ON crashmon.storages TO crashmon_monitor;
GRANT SELECT ON crashmon.queue, crashmon.processor_state, crashmon.locks, crashmon.last_runs
    TO crashmon_monitor;
GRANT USAGE ON SEQUENCE jobs_id_seq, crashmon.runs_id_seq TO crashmon_monitor;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA crashmon TO crashmon_monitor;

-- processor: may report the end of a job, but not create, delete or reassign jobs. Socorro's from
-- 2011 on name the id when they register, to say DEFAULT.
GRANT SELECT, INSERT (id, name, startdatetime, lastseendatetime),
    UPDATE (name, startdatetime, lastseendatetime) ON processors TO crashmon_processor;
GRANT USAGE ON SEQUENCE processors_id_seq TO crashmon_processor;
GRANT SELECT, UPDATE (starteddatetime, completeddatetime, success, message) ON jobs
    TO crashmon_processor;
GRANT EXECUTE ON FUNCTION crashmon.register_processor(text), crashmon.heartbeat(integer),
    crashmon.take_jobs(integer, integer), crashmon.job_succeeded(bigint),
    crashmon.job_failed(bigint, text), crashmon.priority_table(integer) TO crashmon_processor;
-- For its priority table. Revoke it if no processor makes one: a trigger on that table runs with
-- the rights of the monitor that writes to it.
GRANT CREATE ON SCHEMA :shared TO crashmon_processor;

-- reporter: may request crashes and see their state.
GRANT SELECT, INSERT (uuid) ON priorityjobs TO crashmon_reporter;
GRANT SELECT ON jobs, crashmon.queue TO crashmon_reporter;
GRANT EXECUTE ON FUNCTION crashmon.is_crash_id(text), crashmon.request_crash(text),
    crashmon.crash_state(text) TO crashmon_reporter;
COMMIT;
