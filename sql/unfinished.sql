-- Whoever may use one of our objects can begin to grant rights on it, even if he may grant none, and keep that
-- open: a statement of ours that changes the object would wait for him, and fail with "tuple concurrently
-- updated" when he ends. So four seconds are waited for him here, before anything is locked. schema.sql changes
-- all functions each time; relations and schemas only roles.sql does, and an upgrade from version 1, whose tables are in
-- any schema: those of somebody who is not trusted, see strangers.sql, are not ours.
\if :{?owner}
SELECT set_config('crashmon.owner', :'owner', true)
\g (format=unaligned tuples_only) /dev/null
\endif
SELECT set_config('crashmon.grants', :'grants', true)
\g (format=unaligned tuples_only) /dev/null
DO $$
DECLARE
    functions text[] := current_setting('crashmon.functions');
    relations name[] := current_setting('crashmon.relations');
    home regnamespace := to_regnamespace('crashmon');
    has_all boolean := current_setting('crashmon.grants')::boolean
        OR NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = home AND relname = 'storages');
    ours oid[];
    patience timestamptz := clock_timestamp() + interval '4 seconds';
    its record;
    message text;
    hint text;
BEGIN
    LOOP
        PERFORM pg_stat_clear_snapshot();
        ours := ARRAY(SELECT c.oid FROM pg_class AS c JOIN pg_roles AS r ON r.oid = relowner
                      WHERE has_all AND relname = ANY (relations) AND relpersistence <> 't'
                          AND (relnamespace = home OR rolsuper OR rolname IN (session_user, current_setting('crashmon.owner', true))));
        WITH changed (what, xid) AS (
            SELECT pg_describe_object('pg_proc'::regclass, oid, 0), xmax FROM pg_proc
            WHERE pronamespace = home AND proname IN (SELECT split_part(f, '(', 1) FROM unnest(functions) AS f)
            UNION ALL
            SELECT pg_describe_object('pg_class'::regclass, oid, 0), xmax FROM pg_class
            WHERE oid = ANY (ours)
            UNION ALL
            SELECT pg_describe_object('pg_class'::regclass, attrelid, attnum), xmax FROM pg_attribute
            WHERE attrelid = ANY (ours) AND attnum > 0
            UNION ALL
            SELECT pg_describe_object('pg_namespace'::regclass, oid, 0), xmax FROM pg_namespace
            WHERE has_all AND nspname IN ('crashmon', 'crashmon_priority')
            UNION ALL
            -- Who drops a role has it locked; its row is not for everybody to read.
            SELECT 'role ' || rolname, own.transactionid FROM pg_roles AS r
            JOIN pg_locks AS l ON l.locktype = 'object' AND l.classid = 'pg_authid'::regclass AND l.objid = r.oid
                AND l.mode = 'AccessExclusiveLock' AND l.granted
            JOIN pg_locks AS own ON own.virtualtransaction = l.virtualtransaction AND own.locktype = 'transactionid'
                AND own.mode = 'ExclusiveLock'
            WHERE has_all AND rolname ~ '^crashmon_(monitor|observer|processor|reporter)$')
        SELECT string_agg(DISTINCT what, ', ') AS what,
               string_agg(DISTINCT coalesce(format('process %s of role %s', pid, usename), 'a prepared transaction'), ', ') AS who
        INTO its FROM changed JOIN pg_locks ON locktype = 'transactionid' AND mode = 'ExclusiveLock' AND transactionid = xid
        LEFT JOIN pg_stat_activity USING (pid);
        EXIT WHEN its.what IS NULL;
        IF clock_timestamp() > patience THEN
            EXECUTE current_setting('crashmon.escape') INTO message, hint USING
                format('rights or definitions are being changed: %s: nothing is done', its.what),
                format('By %s. Try again when that transaction has ended; a superuser can end it with '
                       'pg_terminate_backend().', its.who);
            RAISE EXCEPTION '%', message USING HINT = hint;
        END IF;
        PERFORM pg_sleep(0.1);
    END LOOP;
END $$;
