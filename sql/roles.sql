-- Four roles with the least rights, for logins to be members of:
--
--     psql -d crashes -f sql/roles.sql
--
-- Run it after schema.sql in each database, and again after an upgrade; it may be repeated. Roles
-- belong to the whole server, so the first time it takes a superuser, with -v owner=ROLE if the tables are
-- another role's, or their owner with CREATEROLE; later the owner is enough. Then create the logins:
--
--     CREATE ROLE monitor1 LOGIN IN ROLE crashmon_monitor;
--     CREATE ROLE observer1 LOGIN IN ROLE crashmon_observer;
--     CREATE ROLE reporter1 LOGIN IN ROLE crashmon_reporter;
--     ALTER ROLE reporter1 SET search_path = crashmon, public;
--     CREATE ROLE processor1 LOGIN IN ROLE crashmon_processor;
--     ALTER ROLE processor1 SET search_path = crashmon_priority, crashmon, public;
--     ALTER ROLE processor1 SET role = crashmon_processor;
--     ALTER ROLE processor1 SET timezone = 'America/Los_Angeles';
--
-- The search paths are for Socorro's programs, which name tables without a schema; they apply to new
-- sessions. A processor that makes a priority table, as Socorro's do, makes it in the first schema of
-- its path; `role` makes it belong to the group, so that crashmon-priority may write to it, and
-- crashmon-scan may drop it when the processor is dead. The last line is for processors that send
-- local times without a zone, as Socorro's do, from a host in another time zone than the server.
--
-- What remains by design: a processor can end the jobs of other processors and speak in their name, register
-- processors that do not exist, lock rows of others for a while, and make or drop any priority table. In
-- crashmon_priority it can also make a table or a function that others with this search path use in
-- place of a shared one. So processors that do not trust each other must not share a database. A reporter
-- can request any crash; and whoever can connect to a database can take advisory locks in it, also those
-- that keep the programs from running. PostgreSQL locks a table, an index or a schema for some commands
-- before it looks at rights: whoever can connect can have all others wait, for as long as he has something
-- open. `--check` tells it by the age of what waits, pg_blocking_pids() by whom. Whoever may create
-- schemas in a database must not be faster than you, who load schema.sql. The owner of the tables is trusted
-- by all who use them: his triggers run with the rights of whoever changes a row.
\set ON_ERROR_STOP on
\set grants true
\ir begin.sql
-- A superuser loads this for the owner of the schema, whose functions must not be found; and names below,
-- in GRANT alone.
SET LOCAL search_path = pg_catalog, pg_temp;
DO $$
DECLARE
    name text;
    missing text;
    patience timestamptz := clock_timestamp() + interval '4 seconds';
BEGIN
    IF NOT current_setting('crashmon.is_new')::boolean THEN
        RAISE EXCEPTION 'there is no schema of this version: nothing is changed'
            USING HINT = 'Load sql/schema.sql first.';
    END IF;
    SELECT string_agg(what, ', ') INTO missing
    FROM (SELECT f FROM unnest(current_setting('crashmon.functions')::text[]) AS f
          WHERE NOT EXISTS (SELECT FROM pg_proc WHERE oid = to_regprocedure('crashmon.' || f) AND prokind = 'f')
          UNION ALL
          SELECT r FROM unnest(current_setting('crashmon.relations')::text[]
                               || '{jobs_id_seq,processors_id_seq,runs_id_seq}') AS r
          WHERE to_regclass('crashmon.' || r) IS NULL) AS lost (what);
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'this is missing in the schema crashmon: %: nothing is changed', missing
            USING HINT = 'Load sql/schema.sql first.';
    END IF;
    -- Our lock is one of this database alone: somebody may be making them for another one.
    LOOP
        BEGIN
            FOREACH name IN ARRAY ARRAY['crashmon_monitor', 'crashmon_observer', 'crashmon_processor',
                                        'crashmon_reporter'] LOOP
                IF to_regrole(name) IS NULL THEN
                    EXECUTE format('CREATE ROLE %I NOLOGIN', name);
                ELSIF EXISTS (SELECT FROM pg_roles WHERE rolname = name
                                  AND (rolcanlogin OR rolsuper OR rolcreaterole OR rolbypassrls)) THEN
                    RAISE EXCEPTION 'role % is not one of crashmon''s: it can log in, or more', name;
                END IF;
            END LOOP;
            -- To write and drop the priority tables, which belong to the processors.
            IF NOT pg_has_role('crashmon_monitor', 'crashmon_processor', 'USAGE') THEN
                GRANT crashmon_processor TO crashmon_monitor;
            END IF;
            EXIT;
        EXCEPTION WHEN lock_not_available OR unique_violation OR duplicate_object THEN
            IF clock_timestamp() > patience THEN
                RAISE EXCEPTION 'crashmon''s roles are being made by another session: nothing is changed'
                    USING HINT = 'pg_stat_activity says by which, perhaps in another database; try again when it has ended.';
            END IF;
        END;
    END LOOP;
END $$;

SET LOCAL search_path = pg_catalog, crashmon, pg_temp;
GRANT USAGE ON SCHEMA crashmon
    TO crashmon_monitor, crashmon_observer, crashmon_processor, crashmon_reporter;
REVOKE EXECUTE ON FUNCTION :functions FROM PUBLIC;

-- monitor: the login of the three programs, and of monitoring scripts.
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs, priorityjobs, runs, pauses TO crashmon_monitor;
GRANT SELECT, UPDATE, DELETE ON processors TO crashmon_monitor;
GRANT SELECT, INSERT, UPDATE ON storages TO crashmon_monitor;
GRANT SELECT ON :views TO crashmon_monitor;
GRANT USAGE ON SEQUENCE jobs_id_seq, runs_id_seq TO crashmon_monitor;
GRANT EXECUTE ON FUNCTION :functions TO crashmon_monitor;

-- observer: may see everything and change nothing: for dashboards, and --dry-run.
GRANT SELECT ON :tables, :views TO crashmon_observer;
GRANT EXECUTE ON FUNCTION schema_version(), priority_table(integer), is_crash_id(text),
    crash_state(text), silent_since(interval) TO crashmon_observer;

-- processor: may report the end of a job, but not create, delete or reassign jobs. Socorro's from
-- 2011 on name the id when they register, to say DEFAULT.
GRANT SELECT, INSERT (id, name, startdatetime, lastseendatetime),
    UPDATE (name, startdatetime, lastseendatetime, storages) ON processors TO crashmon_processor;
GRANT USAGE ON SEQUENCE processors_id_seq TO crashmon_processor;
GRANT SELECT, UPDATE (starteddatetime, completeddatetime, success, message, attempts) ON jobs
    TO crashmon_processor;
GRANT EXECUTE ON FUNCTION register_processor(text), register_processor(text, text[]),
    heartbeat(integer), take_jobs(integer, integer), job_succeeded(bigint), job_failed(bigint, text),
    give_back(bigint), leave(integer), check_change(text, boolean), printable(text),
    priority_table(integer), lock_priority_table(integer) TO crashmon_processor;
-- For its priority table.
GRANT USAGE, CREATE ON SCHEMA crashmon_priority TO crashmon_processor;

-- reporter: may request crashes and see their state.
GRANT SELECT, INSERT (uuid) ON priorityjobs TO crashmon_reporter;
GRANT SELECT ON jobs, queue TO crashmon_reporter;
GRANT EXECUTE ON FUNCTION is_crash_id(text), request_crash(text), crash_state(text), check_change(text, boolean),
    printable(text) TO crashmon_reporter;

SET LOCAL search_path = pg_catalog, pg_temp;
-- Version 1 let processors create tables where the shared tables were.
SELECT format('REVOKE CREATE ON SCHEMA %I FROM crashmon_processor CASCADE', nspname)
FROM pg_namespace, aclexplode(nspacl)
WHERE grantee = 'crashmon_processor'::regrole AND privilege_type = 'CREATE'
    AND nspname = 'public' AND pg_has_role(nspowner, 'USAGE')
\gexec
\ir end.sql
