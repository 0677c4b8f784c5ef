-- What others can have left outside of our schemas runs nothing, but gives rights on what is in them, or takes them: it
-- is named. Whoever was a superuser has made publications, and who is a member of crashmon_processor sets its
-- default privileges.
DO $$
DECLARE
    ours oid[] := current_setting('crashmon.ours');
    its record;
    message text;
    hint text;
BEGIN
    FOR its IN SELECT pubname, pubowner::regrole AS owner, string_agg(tablename, ', ' ORDER BY tablename) AS tables
               FROM pg_publication JOIN pg_publication_tables USING (pubname)
               WHERE schemaname = 'crashmon' AND pubowner <> ALL (ours) GROUP BY pubname, pubowner LOOP
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('publication %I of role %s has tables of crashmon''s: %s', its.pubname, its.owner, its.tables),
            'Whoever subscribes to it gets their rows. Drop it, or change its owner.';
        RAISE WARNING '%', message USING HINT = hint;
    END LOOP;
    FOR its IN
        SELECT whose, place, string_agg(DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, ', ') AS roles
        FROM (SELECT defaclrole::regrole AS whose, nullif(defaclnamespace, 0)::regnamespace AS place, acl.*
              FROM pg_default_acl, aclexplode(defaclacl) AS acl WHERE defaclobjtype = 'r') AS given
        WHERE (whose = (SELECT nspowner FROM pg_namespace WHERE nspname = 'crashmon')
                   AND coalesce(place = 'crashmon'::regnamespace, true)
               OR whose = to_regrole('crashmon_processor')
                   AND coalesce(place = 'crashmon_priority'::regnamespace, true))
            AND privilege_type IN ('INSERT', 'UPDATE', 'DELETE')
            AND grantee <> ALL (ours || whose::oid) AND grantee IS DISTINCT FROM to_regrole('crashmon_monitor')
        GROUP BY whose, place LOOP
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('default privileges of role %s let others change the tables that it makes: %s', its.whose, its.roles),
            format('ALTER DEFAULT PRIVILEGES FOR ROLE %s%s REVOKE INSERT, UPDATE, DELETE ON TABLES FROM %s; '
                   'and look at the rights on the tables that there are (\dp crashmon*.*).',
                   its.whose, ' IN SCHEMA ' || its.place, its.roles);
        RAISE WARNING '%', message USING HINT = hint;
    END LOOP;
    IF EXISTS (SELECT FROM pg_default_acl
               WHERE defaclrole = to_regrole('crashmon_processor') AND defaclobjtype = 'r' AND defaclnamespace = 0
                   AND NOT ARRAY(SELECT privilege_type FROM aclexplode(defaclacl) WHERE grantee = defaclrole)
                           @> '{SELECT,INSERT,DELETE}') THEN
        RAISE WARNING 'default privileges of role crashmon_processor take its own rights on the priority tables that it makes'
            USING HINT = 'ALTER DEFAULT PRIVILEGES FOR ROLE crashmon_processor GRANT ALL ON TABLES TO crashmon_processor, '
                         'then restart the processors.';
    END IF;
    -- As after pg_restore --no-owner, or what a login has made without its role; where logins use the roles.
    FOR its IN SELECT oid::regclass AS place, relowner::regrole AS owner FROM pg_class
               WHERE relnamespace = to_regnamespace('crashmon_priority') AND relname ~ '^priority_jobs_[0-9]+$'
                   AND relkind = 'r' AND NOT pg_has_role(to_regrole('crashmon_monitor'), relowner, 'USAGE')
                   AND EXISTS (SELECT FROM pg_auth_members WHERE roleid = to_regrole('crashmon_processor')
                                   AND member <> to_regrole('crashmon_monitor'))
               ORDER BY relname LIMIT 10 LOOP
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('table %s belongs to role %s, so crashmon''s programs cannot use it', its.place, its.owner),
            format('As a superuser: ALTER TABLE %s OWNER TO crashmon_processor.', its.place);
        RAISE WARNING '%', message USING HINT = hint;
    END LOOP;
    -- Left from a replication, perhaps. A superuser's own session is his own concern.
    FOR its IN SELECT CASE setrole WHEN 0 THEN 'the database' ELSE 'role ' || setrole::regrole END AS whose,
                      CASE WHEN setrole = 0 THEN format('DATABASE %I', current_database())
                           WHEN setdatabase = 0 THEN format('ROLE %s', setrole::regrole)
                           ELSE format('ROLE %s IN DATABASE %I', setrole::regrole, current_database()) END AS place
               FROM pg_db_role_setting LEFT JOIN pg_roles ON pg_roles.oid = setrole, unnest(setconfig) AS one
               WHERE lower(one) = 'session_replication_role=replica' AND rolsuper IS NOT TRUE
                   AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
                   AND (setrole = 0 OR setrole = (SELECT nspowner FROM pg_namespace WHERE nspname = 'crashmon')
                        OR EXISTS (SELECT FROM pg_roles AS its_group
                                   WHERE its_group.rolname ~ '^crashmon_(monitor|processor|reporter)$'
                                       AND pg_has_role(setrole, its_group.oid, 'MEMBER'))) LOOP
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('no trigger fires in sessions of %s: attempts are not counted, and jobs keep owners that are gone',
                   its.whose),
            format('ALTER %s RESET session_replication_role, then connect anew.', its.place);
        RAISE WARNING '%', message USING HINT = hint;
    END LOOP;
END $$;
