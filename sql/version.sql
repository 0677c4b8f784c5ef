-- The version of the schema. Each program checks it before any work (exit code 76).
CREATE FUNCTION crashmon."new schema_version"() RETURNS integer
LANGUAGE sql IMMUTABLE RETURN 2;
