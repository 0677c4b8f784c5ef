-- A trigger of ours that somebody has disabled, and forgotten, is told and works again: attempts.sql and
-- times.sql enable theirs. Those of foreign keys only a superuser can enable, and disable.
DO $$
DECLARE
    its_role text := current_setting('role');
    its record;
BEGIN
    FOR its IN SELECT 'crashmon.' || relname AS place, tgname AS name, tgisinternal AS is_internal
               FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
               WHERE relnamespace = 'crashmon'::regnamespace AND relname IN ('processors', 'jobs', 'priorityjobs')
                   AND tgenabled IN ('D', 'R')
                   AND (tgname IN ('count_attempt', 'not_ahead')
                        OR tgisinternal AND EXISTS (SELECT FROM pg_constraint
                                                    WHERE oid = tgconstraint AND conrelid = 'crashmon.jobs'::regclass
                                                        AND confrelid = 'crashmon.processors'::regclass))
               ORDER BY relname, tgname LOOP
        IF its.is_internal AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = session_user) THEN
            RAISE WARNING 'trigger "%" of table % is disabled, and stays so', its.name, its.place
                USING HINT = format('As a superuser: ALTER TABLE %s ENABLE TRIGGER %I', its.place, its.name);
            CONTINUE;
        END IF;
        RAISE WARNING 'trigger "%" of table % was disabled: it is enabled again', its.name, its.place
            USING HINT = CASE its.name
                             WHEN 'count_attempt' THEN 'Attempts that were made meanwhile have not been counted.'
                             WHEN 'not_ahead' THEN 'Times in the future that were given meanwhile become now.'
                             ELSE 'Jobs whose processor is gone meanwhile wait for the next scan.' END;
        IF its.is_internal THEN
            PERFORM set_config('role', 'none', true);
            EXECUTE format('ALTER TABLE %s ENABLE TRIGGER %I', its.place, its.name);
            PERFORM set_config('role', its_role, true);
        END IF;
    END LOOP;
END $$;
