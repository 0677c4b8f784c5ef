-- Nothing of somebody else's is adopted under our names, and nothing of his is run. Ours is what belongs
-- to the login that loads this, or to a superuser; and to the role that this login names, whose tables
-- these are: -v owner=ROLE. Whatever is run here can take all rights of the login, also after SET ROLE. So
-- neither the current role nor the owner of the database is trusted for what it is.
--
-- What he has made in a transaction that is still open cannot be seen. So first the ways are closed in
-- which it could come later, then comes the look at what is there:
--
--     a trigger or a foreign key on a table     He holds a lock on it until then. So the tables that
--                                               others have such a right on are locked, until rights.sql
--                                               has taken it away.
--     a function, an operator, ... in           It leaves no lock, or not one on every server. So a schema
--     the schema crashmon                       that others may create in, as they may in version 1, is
--                                               left to them: ours moves to a new one.
--
-- Whoever cannot be told by his login, as of a prepared transaction, is one of the others.
-- Our own triggers, as the server tells them; attempts.sql and times.sql make them.
SELECT set_config('crashmon.triggers', ARRAY[
    'CREATE TRIGGER count_attempt BEFORE UPDATE OF starteddatetime ON crashmon.jobs FOR EACH ROW '
    'WHEN (OLD.starteddatetime IS NOT NULL AND NEW.starteddatetime IS NULL '
    'AND OLD.success IS NULL AND NEW.success IS NULL) EXECUTE FUNCTION crashmon.count_attempt()',
    'CREATE TRIGGER not_ahead BEFORE INSERT OR UPDATE ON crashmon.processors FOR EACH ROW '
    'WHEN (greatest(NEW.startdatetime, NEW.lastseendatetime) > clock_timestamp()) '
    'EXECUTE FUNCTION crashmon.not_ahead()',
    'CREATE TRIGGER not_ahead BEFORE UPDATE OF queueddatetime, starteddatetime, completeddatetime '
    'ON crashmon.jobs FOR EACH ROW '
    'WHEN (greatest(NEW.queueddatetime, NEW.starteddatetime, NEW.completeddatetime) > clock_timestamp()) '
    'EXECUTE FUNCTION crashmon.not_ahead()',
    'CREATE TRIGGER not_ahead BEFORE INSERT OR UPDATE ON crashmon.priorityjobs FOR EACH ROW '
    'WHEN (greatest(NEW.requesteddatetime) > clock_timestamp()) EXECUTE FUNCTION crashmon.not_ahead()'
    ]::text, true)
\g (format=unaligned tuples_only) /dev/null
DO $$
DECLARE
    loaders oid[] := ARRAY(SELECT oid FROM pg_roles WHERE rolsuper OR rolname = session_user);
    ours oid[] := loaders
        || ARRAY(SELECT oid FROM pg_roles WHERE rolname = current_setting('crashmon.owner', true)
                     AND pg_has_role(oid, 'MEMBER'));
    this oid := (SELECT oid FROM pg_database WHERE datname = current_database());
    home regnamespace := to_regnamespace('crashmon');
    its_owner regrole;
    is_open boolean;
    tables oid[];
    is_new boolean;
    shared name[] := '{processors, jobs, priorityjobs}';
    to_lock text;
    event record;
    message text;
    hint text;
BEGIN
    SELECT nspowner, EXISTS (SELECT FROM aclexplode(nspacl)
                             WHERE privilege_type = 'CREATE' AND grantee <> nspowner)
    INTO its_owner, is_open FROM pg_namespace WHERE oid = home;
    IF its_owner = ANY (ours) AND NOT pg_has_role(its_owner, 'MEMBER') THEN
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('the schema crashmon belongs to role %s: do this as that role', its_owner), NULL::text;
        RAISE EXCEPTION '%', message;
    END IF;
    IF nullif(current_setting('crashmon.owner', true), '') IS NOT NULL
        AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = current_setting('crashmon.owner', true)
                            AND pg_has_role(oid, 'MEMBER')) THEN
        RAISE EXCEPTION 'there is no role "%" that the current user is a member of: nothing is changed',
                        current_setting('crashmon.owner', true);
    END IF;
    -- It would run as soon as something is changed, by roles.sql as whoever loads it.
    FOR event IN SELECT quote_ident(evtname) AS name, evtfoid::regprocedure AS function, proowner::regrole AS owner
               FROM pg_event_trigger JOIN pg_proc AS f ON f.oid = evtfoid
               WHERE evtenabled <> 'D' AND evtevent <> 'login'
                   AND proowner <> ALL (CASE WHEN current_setting('crashmon.grants')::boolean THEN loaders ELSE ours END) LOOP
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('event trigger %s runs function %s of role %s: nothing is changed', event.name, event.function, event.owner),
            format('Have a superuser own that function; or ALTER EVENT TRIGGER %s DISABLE, until this is loaded.',
                   event.name);
        RAISE EXCEPTION '%', message USING HINT = hint;
    END LOOP;
    -- Version 1 had no storages.
    is_new := EXISTS (SELECT FROM pg_class WHERE relnamespace = home AND relname = 'storages');
    is_open := its_owner IS NOT NULL AND its_owner = ANY (ours) AND (
        is_open
        OR NOT is_new AND EXISTS (SELECT FROM pg_class WHERE relnamespace = home AND relname = 'jobs')
        OR EXISTS (SELECT FROM pg_locks AS l WHERE classid = 'pg_namespace'::regclass AND objid = home
                       AND database = this AND mode = 'AccessShareLock' AND granted
                       AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = l.pid AND usesysid = ANY (ours))));
    tables := ARRAY(
        SELECT oid FROM pg_class AS c
        WHERE relkind IN ('r', 'p', 'v') AND relpersistence <> 't' AND relowner = ANY (ours)
            AND (relnamespace = home AND relname = ANY (current_setting('crashmon.relations')::name[])
                 OR NOT is_new AND relname = ANY (shared)
                     AND 3 = (SELECT count(*) FROM pg_class AS its
                              WHERE its.relnamespace = c.relnamespace AND its.relname = ANY (shared))));
    -- What happens to a row also happens in the tables that inherit from its table, or refer to it.
    WITH RECURSIVE reached AS (
        SELECT unnest(tables) AS oid
        UNION
        SELECT next.oid FROM reached JOIN (
            SELECT inhparent, inhrelid FROM pg_inherits
            UNION ALL SELECT confrelid, conrelid FROM pg_constraint WHERE contype = 'f') AS next (of, oid)
            ON next.of = reached.oid)
    SELECT coalesce(array_agg(oid), '{}') INTO tables FROM reached;
    PERFORM set_config('crashmon.ours', ours::text, true), set_config('crashmon.tables', tables::text, true),
            set_config('crashmon.is_open', is_open::text, true),
            set_config('crashmon.is_new', is_new::text, true);

    SELECT string_agg(oid::regclass::text, ', ') INTO to_lock FROM pg_class AS c
    WHERE oid = ANY (tables) AND relkind <> 'v' AND pg_has_role(relowner, 'MEMBER') AND (
        is_open OR NOT is_new
        OR EXISTS (SELECT FROM aclexplode(relacl)
                   WHERE privilege_type IN ('TRIGGER', 'REFERENCES') AND grantee <> relowner)
        OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgenabled IN ('D', 'R') -- see triggers.sql
                       AND (tgisinternal OR tgname IN ('count_attempt', 'not_ahead')))
        OR EXISTS (SELECT FROM pg_attribute, aclexplode(attacl)
                   WHERE attrelid = c.oid AND privilege_type = 'REFERENCES')
        OR EXISTS (SELECT FROM pg_locks AS l
                   WHERE relation = c.oid AND granted AND database = this
                       AND mode IN ('ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
                       AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = l.pid AND usesysid = ANY (ours))));
    IF to_lock IS NULL THEN
        RETURN;
    END IF;
    -- First against those that nobody who reads or writes has to wait behind: who makes a trigger, and
    -- an autovacuum, which gives way after a second. Then whoever waits for the tables behind us waits for
    -- a tenth of a second.
    FOR attempt IN 0..25 LOOP
        BEGIN
            PERFORM set_config('lock_timeout', CASE attempt WHEN 0 THEN '4s' ELSE '100ms' END, true);
            EXECUTE format('LOCK TABLE %s IN %s MODE', to_lock,
                           CASE WHEN attempt = 0 THEN 'SHARE UPDATE EXCLUSIVE'
                                WHEN is_open OR NOT is_new THEN 'ACCESS EXCLUSIVE'
                                ELSE 'SHARE ROW EXCLUSIVE' END);
            EXIT WHEN attempt > 0;
        EXCEPTION WHEN lock_not_available THEN
            IF attempt IN (0, 25) THEN
                RAISE EXCEPTION 'the tables are in use for too long: nothing is changed'
                    USING HINT = 'pg_locks says by whom; try again when they have ended.';
            END IF;
            PERFORM pg_sleep(0.1);
        END;
    END LOOP;
END $$;

DO $$
DECLARE
    ours oid[] := current_setting('crashmon.ours');
    tables oid[] := current_setting('crashmon.tables');
    what text;
    its_owner oid;
    word text;
    its record;
    message text;
    hint text;
BEGIN
    WITH owned AS (
        SELECT classid, objid, refobjid AS its_owner FROM pg_shdepend
        WHERE deptype = 'o' AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        UNION SELECT 'pg_type'::regclass, oid, typowner FROM pg_type -- arrays and rows, too
    ), on_ours (classid, objid) AS (
        SELECT 'pg_class'::regclass::oid, unnest(tables)
        UNION ALL SELECT 'pg_class'::regclass, indexrelid FROM pg_index WHERE indrelid = ANY (tables)
        UNION ALL SELECT 'pg_attrdef'::regclass, oid FROM pg_attrdef WHERE adrelid = ANY (tables)
        UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE conrelid = ANY (tables)
        UNION ALL SELECT 'pg_rewrite'::regclass, oid FROM pg_rewrite WHERE ev_class = ANY (tables)
        UNION ALL SELECT 'pg_policy'::regclass, oid FROM pg_policy WHERE polrelid = ANY (tables)
        UNION ALL SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext WHERE stxrelid = ANY (tables)
        UNION ALL SELECT 'pg_trigger'::regclass, oid FROM pg_trigger WHERE tgrelid = ANY (tables)
    )
    SELECT found.what, found.its_owner INTO what, its_owner FROM (
        SELECT 'schema ' || nspname, nspowner FROM pg_namespace
        WHERE nspname IN ('crashmon', 'crashmon_priority')
        UNION ALL
        -- The priority tables of an open schema are moved, as others are.
        SELECT pg_describe_object(classid, objid, 0), o.its_owner
        FROM pg_depend JOIN owned AS o USING (classid, objid)
        WHERE refclassid = 'pg_namespace'::regclass AND refobjid = to_regnamespace('crashmon')
            AND NOT (current_setting('crashmon.is_open')::boolean AND classid = 'pg_class'::regclass
                     AND (SELECT relname ~ '^priority_jobs_[0-9]+$' FROM pg_class WHERE oid = objid))
        UNION ALL
        -- A foreign key runs the triggers of its own table when a row of ours is deleted.
        SELECT pg_describe_object('pg_constraint'::regclass, f.oid, 0), c.relowner
        FROM pg_constraint AS f JOIN pg_class AS c ON c.oid = f.conrelid
        WHERE f.confrelid = ANY (tables)
        UNION ALL
        -- What is on a table, and what that needs: the function of a trigger, of its condition, of a check.
        SELECT pg_describe_object(o.classid, o.objid, 0), o.its_owner
        FROM (SELECT classid, objid FROM on_ours
              UNION SELECT refclassid, refobjid FROM pg_depend JOIN on_ours USING (classid, objid)) AS used
        JOIN owned AS o USING (classid, objid)
        UNION ALL
        -- A table cannot be altered while something has its type.
        SELECT pg_describe_object(d.classid, d.objid, d.objsubid), coalesce(user_class.relowner, user_type.typowner)
        FROM pg_class AS c JOIN pg_type AS t ON t.oid = c.reltype
        JOIN pg_depend AS d ON d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray)
        LEFT JOIN pg_class AS user_class ON d.classid = 'pg_class'::regclass AND user_class.oid = d.objid
        LEFT JOIN pg_type AS user_type ON d.classid = 'pg_type'::regclass AND user_type.oid = d.objid
        WHERE c.oid = ANY (tables)
    ) AS found (what, its_owner)
    WHERE found.its_owner <> ALL (ours) ORDER BY found.what NOT LIKE 'schema %', found.what COLLATE "C" LIMIT 1;
    IF FOUND THEN
        EXECUTE current_setting('crashmon.word') INTO word USING (SELECT rolname::text FROM pg_roles WHERE oid = its_owner);
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('%s belongs to role %s, so it is not used', what,
                   CASE its_owner WHEN 0 THEN 'PUBLIC' ELSE its_owner::regrole::text END),
            CASE its_owner WHEN 0 THEN 'Drop it.' ELSE
                format('If that role owns crashmon, load this as that role: psql -U %1$s ... Or add -v owner=%1$s, '
                       'by which you let it do all that you may. If not, drop what is named here.', word) END;
        RAISE EXCEPTION '%', message USING HINT = hint;
    END IF;

    -- Nobody knows who made a trigger, and what is built in can do harm, too. One of ours may be on a table that has been
    -- replaced.
    SELECT string_agg(DISTINCT pg_describe_object('pg_trigger'::regclass, t.oid, 0), ', ') AS triggers,
           string_agg(DISTINCT CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE acl.grantee::regrole::text END,
                      ', ') AS roles
    INTO its
    FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
    LEFT JOIN aclexplode(relacl) AS acl ON acl.privilege_type = 'TRIGGER' AND acl.grantee <> ALL (ours)
    WHERE t.tgrelid = ANY (tables) AND NOT t.tgisinternal
        AND (acl.grantee IS NOT NULL OR t.tgname IN ('count_attempt', 'not_ahead'))
        AND NOT EXISTS (SELECT FROM unnest(current_setting('crashmon.triggers')::text[]) AS known
                        WHERE lower(translate(regexp_replace(known, ' ON crashmon\.\w+ ', ''), '() ', ''))
                              = lower(translate(replace(pg_get_triggerdef(t.oid), format(' ON %s ', t.tgrelid::regclass), ''), '() ', '')));
    IF its.triggers IS NOT NULL THEN
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('%s may be the work of others, who have the right to make triggers there%s',
                   its.triggers, coalesce(': ' || its.roles, ', or had it')),
            'Drop them first. Those that are yours can be made again afterwards.';
        RAISE EXCEPTION '%', message USING HINT = hint;
    END IF;
    FOR its IN
        SELECT c.oid::regclass AS place, string_agg(acl.grantee::regrole::text, ', ') AS roles
        FROM pg_class AS c, aclexplode(relacl) AS acl
        WHERE c.oid = ANY (tables) AND acl.privilege_type = 'TRIGGER' AND acl.grantee <> ALL (ours)
            AND EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND confrelid = ANY (tables)
                        UNION ALL SELECT FROM pg_inherits WHERE inhrelid = c.oid)
            AND relname <> ALL ('{processors, jobs, priorityjobs}') GROUP BY c.oid LOOP
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('others can make triggers on table %s, which run when a row of crashmon''s is changed: %s',
                   its.place, its.roles),
            'Take that right away, or the reference to crashmon''s table.';
        RAISE WARNING '%', message USING HINT = hint;
    END LOOP;
END $$;

-- The open schema gets another name, and all of ours moves to a new one: whatever others put into the old
-- one is never in a search path of ours. See also end.sql.
DO $$
DECLARE
    ours oid[] := current_setting('crashmon.ours');
    old regnamespace := to_regnamespace('crashmon');
    its_comment text := obj_description(to_regnamespace('crashmon'), 'pg_namespace');
    name text := 'crashmon_replaced_1';
    command text;
    lost text;
    message text;
    hint text;
BEGIN
    IF NOT current_setting('crashmon.is_open')::boolean THEN
        RETURN;
    END IF;
    -- What follows the name of a schema does not follow its tables. (PostgreSQL 14 publishes no schemas.)
    FOR lost IN SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend
                WHERE refclassid = 'pg_namespace'::regclass AND refobjid = old
                    AND classid IN ('pg_default_acl'::regclass, to_regclass('pg_publication_namespace')) LOOP
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('the schema crashmon is replaced, and does not have this any more: %s', lost),
            'If it is yours, make it again.';
        RAISE WARNING '%', message USING HINT = hint;
    END LOOP;
    WHILE to_regnamespace(name) IS NOT NULL LOOP
        name := 'crashmon_replaced_' || substring(name FROM '[0-9]+$')::integer + 1;
    END LOOP;
    EXECUTE format('ALTER SCHEMA crashmon RENAME TO %I', name);
    EXECUTE format('CREATE SCHEMA crashmon AUTHORIZATION %s', (SELECT nspowner::regrole
                                                               FROM pg_namespace WHERE oid = old));
    FOR command IN
        SELECT format('ALTER EXTENSION %I SET SCHEMA crashmon', extname) FROM pg_extension
        WHERE extnamespace = old AND extrelocatable
            AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
        UNION ALL
        SELECT format('ALTER %s %s SET SCHEMA crashmon', kind, its_name)
        FROM (SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, oid::regclass::text, 'pg_class'::regclass, oid, relowner FROM pg_class
              WHERE relnamespace = old AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
                  AND relname !~ '^priority_jobs_[0-9]+$'
              UNION ALL
              SELECT 'ROUTINE', oid::regprocedure::text, 'pg_proc'::regclass, oid, proowner FROM pg_proc
              WHERE pronamespace = old
              UNION ALL
              SELECT 'TYPE', oid::regtype::text, 'pg_type'::regclass, oid, typowner FROM pg_type
              WHERE typnamespace = old AND typtype IN ('c', 'd', 'e')
                  AND typrelid NOT IN (SELECT oid FROM pg_class WHERE relkind <> 'c')
             ) AS object (kind, its_name, catalog, its_oid, owner)
        WHERE owner = ANY (ours) AND pg_has_role(owner, 'MEMBER')
            -- A sequence goes with its column, what an extension has made with that.
            AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = catalog AND objid = its_oid
                                AND (deptype = 'e' OR deptype IN ('a', 'i') AND kind = 'SEQUENCE'))
        UNION ALL
        SELECT CASE privilege_type WHEN 'USAGE' THEN format('GRANT USAGE ON SCHEMA crashmon TO %s', grantee)
               ELSE format('REVOKE CREATE ON SCHEMA %s FROM %s CASCADE', old, grantee) END
        FROM (SELECT nspowner, privilege_type, CASE grantee WHEN 0 THEN 'PUBLIC'
                                                            ELSE grantee::regrole::text END AS grantee
              FROM pg_namespace, aclexplode(nspacl) WHERE pg_namespace.oid = old) AS acl
        WHERE grantee <> nspowner::regrole::text
        UNION ALL
        SELECT format('COMMENT ON SCHEMA crashmon IS %L', its_comment) WHERE its_comment IS NOT NULL LOOP
        EXECUTE command;
    END LOOP;
    PERFORM set_config('crashmon.replaced', name, true);
EXCEPTION WHEN lock_not_available THEN
    RAISE EXCEPTION 'the schema crashmon or a view in it is in use: nothing is changed'
        USING HINT = 'pg_locks says by whom; try again when they have ended.';
END $$;
