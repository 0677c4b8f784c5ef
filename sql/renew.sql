-- Puts each function and view that was made as crashmon."new NAME" into the place of crashmon.NAME, if that
-- is another one or missing. To replace one would have to wait for whoever uses it in an open transaction
-- (a view: reads it; a function: makes something that depends on it), also where nothing changes.
DO $$
DECLARE
    its record;
BEGIN
    FOR its IN
        SELECT 'function' AS kind, oid::regprocedure::text AS place, substr(proname, 5) AS name,
               replace(pg_get_functiondef(oid), format('%I', proname), format('%I', substr(proname, 5))) AS wanted,
               pg_get_functiondef(to_regprocedure(format('crashmon.%I(%s)', substr(proname, 5),
                                                         oidvectortypes(proargtypes)))) AS present
        FROM pg_proc WHERE pronamespace = 'crashmon'::regnamespace AND proname LIKE 'new %'
        UNION ALL
        SELECT 'view', oid::regclass::text, substr(relname, 5),
               format('CREATE OR REPLACE VIEW crashmon.%I AS %s', substr(relname, 5), pg_get_viewdef(oid)),
               format('CREATE OR REPLACE VIEW crashmon.%I AS %s', substr(relname, 5),
                      pg_get_viewdef(to_regclass(format('crashmon.%I', substr(relname, 5)))))
        FROM pg_class
        WHERE relnamespace = 'crashmon'::regnamespace AND relname LIKE 'new %' AND relkind = 'v' LOOP
        IF its.wanted IS DISTINCT FROM its.present THEN
            EXECUTE its.wanted;
        END IF;
        EXECUTE format('DROP %s %s', its.kind, its.place);
    END LOOP;
EXCEPTION WHEN lock_not_available THEN
    RAISE EXCEPTION 'the % crashmon.% is in use for too long: nothing is changed', its.kind, its.name
        USING HINT = 'pg_locks says by whom; try again when they have ended.';
END $$;
