-- How schema.sql, from-socorro.sql and roles.sql end; and a schema that has been replaced (see strangers.sql) goes when no
-- transaction is left in which somebody could still create in it.
SET LOCAL search_path = pg_catalog, pg_temp;
\ir rights.sql
\ir others.sql
COMMIT;

BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL idle_in_transaction_session_timeout = '3s';
SET LOCAL statement_timeout = 0;
SET LOCAL client_min_messages = warning;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';
\ir escape.sql
DO $$
DECLARE
    name text;
    message text;
    detail text;
    open text[];
BEGIN
    PERFORM set_config('transaction_timeout', '0', true)
        WHERE current_setting('transaction_timeout', true) <> '0';
    FOR name IN SELECT old.nspname FROM pg_namespace AS old JOIN pg_namespace AS new USING (nspowner)
                WHERE old.nspname ~ '^crashmon_replaced_[0-9]+$' AND new.nspname = 'crashmon' LOOP
        IF open IS NULL THEN
            open := ARRAY(SELECT virtualtransaction FROM pg_locks JOIN pg_stat_activity USING (pid)
                          WHERE locktype = 'virtualxid' AND datname = current_database()
                              AND pid <> pg_backend_pid());
            FOR attempt IN 1..20 LOOP
                EXIT WHEN NOT EXISTS (SELECT FROM pg_locks WHERE virtualtransaction = ANY (open));
                PERFORM pg_sleep(0.1);
            END LOOP;
        END IF;
        BEGIN
            IF EXISTS (SELECT FROM pg_locks WHERE virtualtransaction = ANY (open))
                OR EXISTS (SELECT FROM pg_prepared_xacts WHERE database = current_database()) THEN
                RAISE lock_not_available USING MESSAGE = 'a transaction that could use it is open';
            END IF;
            EXECUTE format('DROP SCHEMA IF EXISTS %I', name);
        EXCEPTION WHEN lock_not_available OR dependent_objects_still_exist THEN
            GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
            EXECUTE current_setting('crashmon.escape') INTO message, detail USING
                format('schema %s stays, which was crashmon when others could create in it: %s', name, SQLERRM), detail;
            RAISE WARNING '%', message
                USING DETAIL = detail, HINT = 'Move what is yours out of it; then the next load drops it.';
        END;
    END LOOP;
END $$;
COMMIT;
