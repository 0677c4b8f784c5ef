-- The version of the schema. Each program checks it before any work (exit code 76).
CREATE TABLE IF NOT EXISTS crashmon.schema_version (
    version integer NOT NULL,
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row)
);
INSERT INTO crashmon.schema_version (version) VALUES (1) ON CONFLICT DO NOTHING;
