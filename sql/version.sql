-- The version of the schema. Each program checks it before any work (exit code 76).
CREATE OR REPLACE FUNCTION crashmon.schema_version() RETURNS integer
LANGUAGE sql IMMUTABLE RETURN 2;
