-- How schema.sql, from-socorro.sql and roles.sql begin: a transaction in which names mean what they
-- should, whatever psql, the session, the role or the database has been set to.
\set SINGLELINE off
\set QUIET on
\set FETCH_COUNT 0
-- COMMIT would also end a transaction that is somebody else's. Of one that is open already this is not
-- the first statement; without AUTOCOMMIT psql would open one here.
\set autocommit :AUTOCOMMIT
\set AUTOCOMMIT on
SELECT pg_catalog.now() OPERATOR(pg_catalog.<>) pg_catalog.statement_timestamp() AS is_open \gset
\set AUTOCOMMIT :autocommit
\if :is_open
DO $$
BEGIN
    RAISE EXCEPTION 'a transaction is open already: nothing is done'
        USING HINT = 'Load this without -1 (--single-transaction), after COMMIT, and with -X if ~/.psqlrc begins one.';
END $$;
\endif
-- Or what was done before an error could be committed after it.
\set ON_ERROR_ROLLBACK off
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
-- Whatever the site's limit is. psql has nothing to do between two statements: one that was stopped (Ctrl-Z), or whose network
-- is gone, would have everybody wait for the tables. A packet that is lost twice comes in that time, and it is less than what is
-- left of the ten seconds (see changes.sql).
SET LOCAL idle_in_transaction_session_timeout = '3s';
SET LOCAL client_min_messages = warning;
SET LOCAL standard_conforming_strings = on;
SET LOCAL check_function_bodies = on;
SET LOCAL quote_all_identifiers = off;
SET LOCAL row_security = on;
SET LOCAL statement_timeout = 0;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '10s';
\ir escape.sql
-- One at a time.
DO $$
DECLARE
    message text;
    hint text;
BEGIN
    IF current_setting('server_version_num')::integer < 140000 THEN
        RAISE EXCEPTION 'crashmon needs PostgreSQL 14 or later, this server is %: nothing is done',
            current_setting('server_version');
    END IF;
    -- PostgreSQL 17 has it.
    PERFORM set_config('transaction_timeout', '0', true)
        WHERE current_setting('transaction_timeout', true) <> '0';
    PERFORM pg_advisory_xact_lock(hashtext('crashmon'), 0);
EXCEPTION WHEN lock_not_available THEN
    EXECUTE current_setting('crashmon.escape') INTO message, hint USING
        'another session is changing crashmon''s schema or roles: nothing is done',
        'Try again when it has ended. It is ' ||
            (SELECT coalesce(string_agg(format('process %s of role %s', pid, usename), ', '),
                             'a prepared transaction')
             FROM pg_locks JOIN pg_stat_activity USING (pid)
             WHERE locktype = 'advisory' AND objsubid = 2 AND granted
                 AND classid = hashtext('crashmon')::oid AND objid = 0
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) || '.';
    RAISE EXCEPTION '%', message USING HINT = hint;
END $$;
-- Nobody waits for longer behind us; see also strangers.sql.
SET LOCAL lock_timeout = '1s';
\ir objects.sql
\ir unfinished.sql
\ir strangers.sql
SET LOCAL search_path = pg_catalog, crashmon, pg_temp;
