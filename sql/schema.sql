-- Creates all that crashmon, the processors and the reporter need in an empty database:
--
--     psql -d crashes -f sql/schema.sql
--
-- It may be repeated. The shared tables (tables.sql) go to the first schema of the search path,
-- under Socorro's names; all else goes to the schema "crashmon". Roles belong to the whole server
-- and have a file of their own, roles.sql.
\set ON_ERROR_STOP on
\set QUIET on
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS crashmon;
\ir version.sql
\ir tables.sql
\ir monitor.sql
\ir processor.sql
\ir reporter.sql
\ir views.sql
-- From earlier versions: programs that need it take other locks, and must not run beside these.
DROP TABLE IF EXISTS crashmon.schema_version;
DROP FUNCTION IF EXISTS crashmon.lock_class(text), crashmon.lock_key(text);
COMMIT;
