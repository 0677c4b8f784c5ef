-- Nobody but the owner creates anything in our schema, puts code of
-- his own on what is in it (a trigger, a foreign key), or sets a sequence, whatever was granted before,
-- or by ALTER DEFAULT PRIVILEGES to all that has been made here. Nor has anybody a column of a type of
-- ours, for the sake of which a table could not be altered.
DO $$
DECLARE
    its record;
BEGIN
    FOR its IN
        SELECT DISTINCT format('REVOKE %s ON %s FROM %s CASCADE', privilege_type || its_column, place,
                               CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END) AS command
        FROM (SELECT relacl, relowner, '', oid::regclass::text,
                     CASE relkind WHEN 'S' THEN '{SELECT,USAGE}' WHEN 'v' THEN '{SELECT}'
                                  ELSE '{SELECT,INSERT,UPDATE,DELETE}' END::text[]
              FROM pg_class WHERE relnamespace = 'crashmon'::regnamespace
              UNION ALL
              SELECT attacl, relowner, format(' (%I)', attname), attrelid::regclass::text,
                     '{SELECT,INSERT,UPDATE}'
              FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
              WHERE relnamespace = 'crashmon'::regnamespace AND NOT attisdropped
              UNION ALL
              SELECT coalesce(typacl, acldefault('T', typowner)), typowner, '', 'TYPE ' || oid::regtype, '{}'
              FROM pg_type WHERE typrelid IN (SELECT oid FROM pg_class
                                              WHERE relnamespace = 'crashmon'::regnamespace)
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
