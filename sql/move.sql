-- The two schemas; and the shared tables, where they are elsewhere: those of Socorro, and of version 1,
-- which made them in the first schema of the search path.
--
--     crashmon            all that is in our search path. Nobody but its owner creates anything there,
--                         nor puts code of his own on its tables.
--     crashmon_priority   the tables that processors make for themselves. It is in the search path of
--                         Socorro's processors alone, see roles.sql.
--
-- Whoever could use a table that is moved can use it there. What is done already is skipped.
DO $$
DECLARE
    ours oid[] := current_setting('crashmon.ours');
    tables oid[] := current_setting('crashmon.tables');
    -- A cast of the name as it is would fold its letters.
    loader regrole := quote_ident(current_user);
    owner regrole;
    is_new boolean := current_setting('crashmon.is_new');
    sets regnamespace[];
    olds oid[];
    others text;
    its_owner regrole;
    name text;
    word text;
    its record;
    unused regclass;
    patience timestamptz;
    message text;
    hint text;
BEGIN
    SELECT nspowner INTO owner FROM pg_namespace WHERE nspname = 'crashmon';
    SELECT array_agg(s.nsp) FILTER (WHERE s.ours), min(s.nsp::text) FILTER (WHERE NOT s.ours),
           min(s.owner) FILTER (WHERE NOT s.ours)
    INTO sets, others, its_owner
    FROM (SELECT relnamespace::regnamespace AS nsp, bool_and(relowner = ANY (ours)) AS ours,
                 min(relowner) FILTER (WHERE relowner <> ALL (ours)) AS owner
          FROM pg_class
          WHERE relname IN ('processors', 'jobs', 'priorityjobs') AND relkind IN ('r', 'p')
              AND relpersistence <> 't'
          GROUP BY relnamespace HAVING count(*) = 3) AS s
    WHERE NOT is_new OR s.nsp = to_regnamespace('crashmon');
    EXECUTE current_setting('crashmon.word') INTO word USING
        (SELECT rolname::text FROM pg_roles WHERE oid = coalesce(its_owner, loader));
    IF sets IS NULL AND others IS NOT NULL THEN
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('the tables jobs, processors and priorityjobs in schema %s belong to role %s, so they '
                   'are not used', others, its_owner),
            format('If they are those of crashmon or Socorro, load this as that role: psql -U %1$s '
                   '... Or add -v owner=%1$s, by which you let it do all that you may. If not, drop them.', word);
        RAISE EXCEPTION '%', message USING HINT = hint;
    ELSIF cardinality(sets) > 1 THEN
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('there are several sets of the tables jobs, processors and priorityjobs, in the schemas %s',
                   array_to_string(sets, ', ')),
            'Rename all but one of them.';
        RAISE EXCEPTION '%', message USING HINT = hint;
    END IF;
    SELECT relnamespace::regnamespace INTO others FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE sets IS NULL AND relname = 'jobs' AND relkind IN ('r', 'p') AND relpersistence <> 't'
        AND attname = 'pathname';
    IF FOUND THEN
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('the schema %s has jobs, but not both of processors and priorityjobs: nothing is changed', others),
            'If that is Socorro''s table, restore the others; if not, rename it.';
        RAISE EXCEPTION '%', message USING HINT = hint;
    END IF;

    IF owner IS NULL AND sets IS NOT NULL THEN
        SELECT relowner INTO owner FROM pg_class
        WHERE relname = 'jobs' AND relnamespace = sets[1]::oid;
    END IF;
    -- Whoever owns the database can set in which role a session begins.
    IF owner IS NULL AND loader <> ALL (ours)
        AND EXISTS (SELECT FROM pg_db_role_setting JOIN pg_database AS d ON d.oid = setdatabase, unnest(setconfig) AS one
                    WHERE setrole = 0 AND datname = current_database() AND one LIKE 'role=%') THEN
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('a setting of the database would have the tables belong to role %s: nothing is changed', current_user),
            format('ALTER DATABASE %I RESET role. Or add -v owner=%s, by which you let that role do all that you may.',
                   current_database(), word);
        RAISE EXCEPTION '%', message USING HINT = hint;
    END IF;
    owner := coalesce(owner, (SELECT oid FROM pg_roles WHERE rolname = current_setting('crashmon.owner', true)), loader);
    -- All is done in one role from here on. A superuser may have rebuilt a table, and owns it then.
    SELECT format('%s.%I', relnamespace::regnamespace, relname) AS place, relowner::regrole AS owner INTO its FROM pg_class AS c
    WHERE c.oid = ANY (tables) AND relkind IN ('r', 'p') AND relname = ANY (current_setting('crashmon.relations')::name[])
        AND NOT pg_has_role(owner, relowner, 'MEMBER') ORDER BY c.oid LIMIT 1;
    IF FOUND THEN
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('table %s belongs to role %s, the others to role %s: nothing is changed', its.place, its.owner, owner),
            format('ALTER TABLE %s OWNER TO %s, as a superuser; then load this again.', its.place, owner);
        RAISE EXCEPTION '%', message USING HINT = hint;
    END IF;
    FOREACH name IN ARRAY ARRAY['crashmon', 'crashmon_priority'] LOOP
        IF to_regnamespace(name) IS NULL THEN
            EXECUTE format('CREATE SCHEMA %I AUTHORIZATION %s', name, owner);
        END IF;
    END LOOP;

    -- Where they are if this fails: a schema that is being replaced has another name until then.
    PERFORM set_config('crashmon.came_from',
                       coalesce(nullif(sets[1]::text, current_setting('crashmon.replaced', true)), 'crashmon'), true);
    IF sets[1] <> 'crashmon'::regnamespace THEN
        FOREACH name IN ARRAY ARRAY['processors', 'jobs', 'priorityjobs'] LOOP
            EXECUTE format('ALTER TABLE %s.%I SET SCHEMA crashmon', sets[1], name);
        END LOOP;
    END IF;
    -- A table that was rebuilt, or has an identity, may have another sequence than a serial column makes; one that is not
    -- used any more would be taken for it.
    FOR its IN
        SELECT c.oid::regclass AS place, attidentity AS identity, s.oid::regclass AS sequence, c.relname || '_id_seq' AS name,
               s.relname <> c.relname || '_id_seq' AS is_renamed, s.relnamespace <> c.relnamespace AS is_elsewhere,
               s.oid <> ALL (owned) AS is_free, array_remove(owned, s.oid)::regclass[] AS unused
        FROM pg_class AS c JOIN pg_attribute ON attrelid = c.oid AND attname = 'id'
        LEFT JOIN pg_attrdef AS d ON adrelid = c.oid AND adnum = attnum
        JOIN pg_depend ON classid = 'pg_attrdef'::regclass AND objid = d.oid AND refclassid = 'pg_class'::regclass
            OR classid = 'pg_class'::regclass AND refobjid = c.oid AND refobjsubid = attnum AND deptype = 'i'
        JOIN pg_class AS s ON s.relkind = 'S' AND s.oid IN (objid, refobjid),
             LATERAL (SELECT array(SELECT objid FROM pg_depend
                                   WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
                                       AND refobjid = c.oid AND refobjsubid = attnum AND deptype IN ('a', 'i')
                                       AND objid IN (SELECT oid FROM pg_class WHERE relkind = 'S'))) AS of_id (owned)
        WHERE c.relnamespace = 'crashmon'::regnamespace AND c.relname IN ('processors', 'jobs', 'runs')
    LOOP
        FOREACH unused IN ARRAY its.unused LOOP
            EXECUTE format('ALTER SEQUENCE %s OWNED BY NONE', unused);
        END LOOP;
        IF its.is_free THEN
            EXECUTE format('ALTER SEQUENCE %s OWNED BY NONE', its.sequence);
            EXECUTE format('ALTER SEQUENCE %s OWNER TO %s', its.sequence,
                           (SELECT relowner::regrole FROM pg_class WHERE oid = its.place));
        END IF;
        BEGIN
            IF its.is_elsewhere THEN
                EXECUTE format('ALTER SEQUENCE %s SET SCHEMA crashmon', its.sequence);
            END IF;
            IF its.is_renamed THEN
                EXECUTE format('ALTER SEQUENCE %s RENAME TO %I', its.sequence, its.name);
            END IF;
        EXCEPTION WHEN duplicate_table THEN
            EXECUTE current_setting('crashmon.escape') INTO message, hint USING
                format('the sequence of table %s cannot become crashmon.%I: %s; nothing is changed', its.place, its.name, SQLERRM),
                format('If that is the sequence of a table which this one has replaced, rename it, then load this again: '
                       'ALTER SEQUENCE %s.%I RENAME TO %I', current_setting('crashmon.came_from'), its.name, 'old_' || its.name);
            RAISE EXCEPTION '%', message USING HINT = hint;
        END;
        IF its.is_free THEN
            EXECUTE format('ALTER SEQUENCE %s OWNED BY %s.id', its.sequence, its.place);
        END IF;
        IF its.identity = 'a' THEN
            EXECUTE format('ALTER TABLE %s ALTER id SET GENERATED BY DEFAULT', its.place);
        END IF;
    END LOOP;
    olds := array_remove(ARRAY[sets[1], to_regnamespace(nullif(current_setting('crashmon.replaced', true), ''))],
                         'crashmon'::regnamespace);
    patience := clock_timestamp() + '0.9 seconds';
    FOR its IN SELECT oid::regclass AS place,
                      relowner = ANY (ours) OR coalesce(pg_has_role(relowner,
                          to_regrole('crashmon_processor'), 'MEMBER'), false) AS moves
               FROM pg_class
               WHERE relnamespace = ANY (olds) AND relname ~ '^priority_jobs_[0-9]+$' AND relkind = 'r' LOOP
        BEGIN
            IF NOT its.moves THEN
                RAISE insufficient_privilege
                    USING MESSAGE = 'its owner is not a member of crashmon_processor';
            ELSIF clock_timestamp() > patience THEN
                RAISE lock_not_available USING MESSAGE = 'too many of them are locked';
            END IF;
            EXECUTE format('ALTER TABLE %s SET SCHEMA crashmon_priority', its.place);
        EXCEPTION WHEN OTHERS THEN
            EXECUTE current_setting('crashmon.escape') INTO message, hint USING
                format('table %s stays where it is: %s', its.place, SQLERRM),
                'Restart its processor, which makes a new one (see roles.sql).';
            RAISE WARNING '%', message USING HINT = hint;
        END;
    END LOOP;

    -- Version 1 had its tables in a schema that all could use.
    FOR its IN SELECT DISTINCT CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE acl.grantee::regrole::text END AS name
               FROM (SELECT oid, relnamespace, relowner, relacl AS rights FROM pg_class
                     UNION ALL
                     SELECT c.oid, relnamespace, relowner, attacl FROM pg_class AS c JOIN pg_attribute ON attrelid = c.oid
                    ) AS c, aclexplode(rights) AS acl
               WHERE c.oid = ANY (tables) AND c.relnamespace = 'crashmon'::regnamespace AND acl.grantee <> relowner AND NOT is_new
                   AND acl.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE') LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA crashmon TO %s', its.name);
    END LOOP;
    -- All that is made from here on belongs to the same role.
    EXECUTE format('SET LOCAL ROLE %s', owner);
END $$;
