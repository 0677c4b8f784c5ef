-- Nobody but the owner creates anything in our schema, puts code of
-- his own on what of it is ours (a trigger, a foreign key), or sets a sequence, whatever was granted before,
-- or by ALTER DEFAULT PRIVILEGES to all that has been made here. Nor has anybody a column of a type of
-- ours, for the sake of which a table could not be altered.
DO $$
DECLARE
    relations oid[] := ARRAY(SELECT oid FROM pg_class WHERE relnamespace = 'crashmon'::regnamespace
                                 AND relname = ANY (current_setting('crashmon.relations')::name[]));
    its record;
BEGIN
    relations := relations || ARRAY(SELECT s.oid FROM pg_depend JOIN pg_class AS s ON s.oid = objid
                                    WHERE classid = 'pg_class'::regclass AND relkind = 'S' AND refclassid = classid
                                        AND refobjid = ANY (relations) AND deptype IN ('a', 'i'));
    FOR its IN
        SELECT DISTINCT format('REVOKE %s ON %s FROM %s CASCADE', privilege_type || its_column, place,
                               CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END) AS command
        FROM (SELECT relacl, relowner, '', oid::regclass::text,
                     CASE relkind WHEN 'S' THEN '{SELECT,USAGE}' WHEN 'v' THEN '{SELECT}'
                                  ELSE '{SELECT,INSERT,UPDATE,DELETE}' END::text[]
              FROM pg_class WHERE oid = ANY (relations)
              UNION ALL
              SELECT attacl, relowner, format(' (%I)', attname), attrelid::regclass::text,
                     '{SELECT,INSERT,UPDATE}'
              FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
              WHERE attrelid = ANY (relations) AND NOT attisdropped
              UNION ALL
              SELECT coalesce(typacl, acldefault('T', typowner)), typowner, '', 'TYPE ' || oid::regtype, '{}'
              FROM pg_type WHERE typrelid = ANY (relations)
              UNION ALL
              SELECT nspacl, nspowner, '', 'SCHEMA ' || nspname, '{USAGE}' FROM pg_namespace
              WHERE nspname IN ('crashmon', 'crashmon_priority')
             ) AS object (acl, owner, its_column, place, harmless),
             aclexplode(acl)
        WHERE grantee <> owner AND pg_has_role(owner, 'MEMBER') AND privilege_type <> ALL (harmless)
            AND (place <> 'SCHEMA crashmon_priority'
                 OR grantee IS DISTINCT FROM to_regrole('crashmon_processor')) LOOP
        EXECUTE its.command;
    END LOOP;
END $$;
