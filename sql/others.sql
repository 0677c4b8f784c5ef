-- What others can have left outside of our schemas runs nothing, but gives rights on what is in them: it is
-- named. Whoever was a superuser has made publications, and who is a member of crashmon_processor sets its
-- default privileges.
DO $$
DECLARE
    ours oid[] := current_setting('crashmon.ours');
    its record;
BEGIN
    FOR its IN SELECT pubname, pubowner::regrole AS owner, string_agg(tablename, ', ' ORDER BY tablename) AS tables
               FROM pg_publication JOIN pg_publication_tables USING (pubname)
               WHERE schemaname = 'crashmon' AND pubowner <> ALL (ours) GROUP BY pubname, pubowner LOOP
        RAISE WARNING 'publication % of role % has tables of crashmon''s: %', quote_ident(its.pubname), its.owner, its.tables
            USING HINT = 'Whoever subscribes to it gets their rows. Drop it, or change its owner.';
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
        RAISE WARNING 'default privileges of role % let others change the tables that it makes: %', its.whose, its.roles
            USING HINT = format('ALTER DEFAULT PRIVILEGES FOR ROLE %s%s REVOKE INSERT, UPDATE, DELETE ON TABLES FROM %s; '
                                'and look at the rights on the tables that there are (\dp crashmon*.*).',
                                its.whose, ' IN SCHEMA ' || its.place, its.roles);
    END LOOP;
    IF EXISTS (SELECT FROM pg_default_acl
               WHERE defaclrole = to_regrole('crashmon_processor') AND defaclobjtype = 'r' AND defaclnamespace = 0
                   AND NOT ARRAY(SELECT privilege_type FROM aclexplode(defaclacl) WHERE grantee = defaclrole)
                           @> '{SELECT,INSERT,DELETE}') THEN
        RAISE WARNING 'default privileges of role crashmon_processor take its own rights on the priority tables that it makes'
            USING HINT = 'ALTER DEFAULT PRIVILEGES FOR ROLE crashmon_processor GRANT ALL ON TABLES TO crashmon_processor, '
                         'then restart the processors.';
    END IF;
END $$;
