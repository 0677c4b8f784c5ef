-- How schema.sql, from-socorro.sql and roles.sql begin: a transaction in which names mean what they
-- should, whatever the session, the role or the database has been set to; and a look at who has made
-- what is there. Nothing of somebody else's is adopted under our names, and nothing of his is run.
--
-- Ours is what belongs to the current user, to the owner of the database or to a superuser.
\set QUIET on
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL client_min_messages = warning;
SET LOCAL standard_conforming_strings = on;
SET LOCAL check_function_bodies = on;
SET LOCAL row_security = on;
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '10s';
-- One at a time.
DO $$
BEGIN
    IF current_setting('server_version_num')::integer < 140000 THEN
        RAISE EXCEPTION 'crashmon needs PostgreSQL 14 or later, this server is %: nothing is done',
            current_setting('server_version');
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('crashmon'), 0);
EXCEPTION WHEN lock_not_available THEN
    RAISE EXCEPTION 'another session is changing crashmon''s schema or roles: nothing is done'
        USING HINT = 'Try again when it has ended. It is ' ||
                     (SELECT coalesce(string_agg(format('process %s of role %s', pid, usename), ', '),
                                      'a prepared transaction')
                      FROM pg_locks JOIN pg_stat_activity USING (pid)
                      WHERE locktype = 'advisory' AND objsubid = 2 AND granted
                          AND classid = hashtext('crashmon')::oid AND objid = 0
                          AND database = (SELECT oid FROM pg_database
                                          WHERE datname = current_database())) || '.';
END $$;
-- Nobody waits for longer behind us; see also move.sql.
SET LOCAL lock_timeout = '1s';

DO $$
DECLARE
    ours oid[] := ARRAY(SELECT oid FROM pg_roles WHERE rolsuper OR rolname = current_user)
        || (SELECT datdba FROM pg_database WHERE datname = current_database());
    what text;
    its_owner regrole;
BEGIN
    PERFORM set_config('crashmon.ours', ours::text, true);
    WITH owned AS (
        SELECT classid, objid, refobjid AS its_owner FROM pg_shdepend
        WHERE deptype = 'o' AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database()))
    SELECT found.what, found.its_owner INTO what, its_owner FROM (
        SELECT 'schema ' || nspname, nspowner FROM pg_namespace
        WHERE nspname IN ('crashmon', 'crashmon_priority')
        UNION ALL
        SELECT pg_describe_object(classid, objid, 0), o.its_owner
        FROM pg_depend JOIN owned AS o USING (classid, objid)
        WHERE refclassid = 'pg_namespace'::regclass AND refobjid = to_regnamespace('crashmon')
        UNION ALL
        -- What a trigger calls, also in its condition.
        SELECT pg_describe_object(d.classid, d.objid, 0), o.its_owner
        FROM pg_trigger AS t
        JOIN pg_depend AS d ON d.classid = 'pg_trigger'::regclass AND d.objid = t.oid
        JOIN owned AS o ON o.classid = d.refclassid AND o.objid = d.refobjid
        WHERE t.tgrelid IN (SELECT oid FROM pg_class
                            WHERE relnamespace = to_regnamespace('crashmon')
                                OR relname IN ('processors', 'jobs', 'priorityjobs')
                                    AND relowner = ANY (ours))
        UNION ALL
        -- A foreign key runs the triggers of its own table when a row of ours is deleted.
        SELECT pg_describe_object('pg_constraint'::regclass, f.oid, 0), c.relowner
        FROM pg_constraint AS f JOIN pg_class AS c ON c.oid = f.conrelid
        JOIN pg_class AS t ON t.oid = f.confrelid
        WHERE t.relnamespace = to_regnamespace('crashmon')
            OR t.relname IN ('processors', 'jobs', 'priorityjobs') AND t.relowner = ANY (ours)
    ) AS found (what, its_owner)
    WHERE found.its_owner <> ALL (ours) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% belongs to role %, so it is not used', what, its_owner
            USING HINT = 'If that is the owner of crashmon, do this as that role; if not, drop it.';
    END IF;
END $$;

SET LOCAL search_path = pg_catalog, crashmon, pg_temp;
