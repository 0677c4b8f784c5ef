-- Brings the tables that were there already up to the model in pg_temp: what is missing is added. What has a name of
-- ours and is something else is refused, as nobody knows what it is for. Nothing is locked where nothing is missing.
DO $$
DECLARE
    its record;
    commands text[] := '{}';
    message text;
    hint text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute
                   WHERE attrelid = 'crashmon.jobs'::regclass AND attname = 'storage') THEN
        RAISE EXCEPTION 'the tables are those of Socorro: nothing is changed'
            USING HINT = 'Load sql/from-socorro.sql first, see doc/migrating-from-socorro.md.';
    END IF;
    FOR its IN
        WITH object AS (
            SELECT relnamespace = pg_my_temp_schema() AS is_model, relname AS its_table, step, kind, name,
                   regexp_replace(definition, '\m(crashmon|pg_temp(_[0-9]+)?)\.', '', 'g') AS definition
            FROM pg_class AS c, LATERAL (
                -- An identity is as good as a default.
                SELECT attnum, 'column', attname, format_type(atttypid, atttypmod)
                    || CASE WHEN attidentity <> '' THEN format(' DEFAULT nextval(%L::regclass)',
                                pg_get_serial_sequence(attrelid::regclass::text, attname))
                            WHEN attgenerated <> '' THEN ' GENERATED'
                            ELSE coalesce(' DEFAULT ' || pg_get_expr(adbin, adrelid), '') END
                    || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
                FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
                WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
                UNION ALL
                SELECT 10000, 'constraint', conname, pg_get_constraintdef(oid) FROM pg_constraint
                WHERE conrelid = c.oid AND contype = 'c'
                UNION ALL
                SELECT 10001, 'index', relname, regexp_replace(pg_get_indexdef(oid), ' WITH \([^)]*\)', '')
                    || CASE WHEN indisvalid THEN '' ELSE ' INVALID' END
                FROM pg_index JOIN pg_class ON oid = indexrelid
                WHERE indrelid = c.oid AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
            ) AS on_it (step, kind, name, definition)
            WHERE relnamespace IN ('crashmon'::regnamespace, pg_my_temp_schema()) AND relkind IN ('r', 'p'))
        SELECT model.*, real.definition AS found,
               CASE model.kind WHEN 'column' THEN format('ALTER TABLE crashmon.%I ADD %I %s', model.its_table, model.name, model.definition)
                               WHEN 'constraint' THEN format('ALTER TABLE crashmon.%I ADD CONSTRAINT %I %s', model.its_table, model.name, model.definition)
                               ELSE model.definition END AS command
        FROM object AS model
        LEFT JOIN object AS real ON NOT real.is_model AND real.kind = model.kind AND real.name = model.name
            AND (real.its_table = model.its_table OR model.kind = 'index')
        WHERE model.is_model AND real.definition IS DISTINCT FROM model.definition
            -- More characters than ours has do no harm.
            AND (substring(model.definition FROM 'character varying\(([0-9]+)\)')::integer
                     <= coalesce(substring(real.definition FROM 'character varying\(([0-9]+)\)'), '1000000')::integer
                 AND regexp_replace(model.definition, '^character varying\([0-9]+\)', 'text')
                     = regexp_replace(real.definition, '^character varying(\([0-9]+\))?', 'text')) IS NOT TRUE
        ORDER BY model.its_table, model.step
    LOOP
        IF its.found IS NOT NULL THEN
            EXECUTE current_setting('crashmon.escape') INTO message, hint USING
                format('the %s "%s" of table %s is "%s", where crashmon needs "%s": nothing is changed',
                       its.kind, its.name, its.its_table, its.found, its.definition),
                'If it is your own, rename it; otherwise make it what is needed. Then load this again.';
            RAISE EXCEPTION '%', message USING HINT = hint;
        END IF;
        commands := commands || its.command;
    END LOOP;
    PERFORM set_config('crashmon.commands', commands::text, true);
END $$;
\ir keys.sql
-- Whoever waits for a table behind us waits for a tenth of a second, as long as nothing is changed.
DO $$
DECLARE
    command text;
    message text;
    detail text;
    patience timestamptz := clock_timestamp() + interval '4 seconds';
BEGIN
    FOREACH command IN ARRAY current_setting('crashmon.commands')::text[] LOOP
        PERFORM set_config('lock_timeout', '100ms', true);
        LOOP
            BEGIN
                EXECUTE command;
                EXIT;
            EXCEPTION
                WHEN lock_not_available THEN
                    IF clock_timestamp() > patience THEN
                        RAISE EXCEPTION 'the tables are in use for too long: nothing is changed'
                            USING HINT = 'pg_locks says by whom; try again when they have ended.';
                    END IF;
                    PERFORM pg_sleep(0.1);
                WHEN unique_violation OR check_violation OR foreign_key_violation THEN
                    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
                    EXECUTE current_setting('crashmon.escape') INTO message, detail USING
                        format('this is missing, and rows do not permit it: %s: nothing is changed', command),
                        coalesce(nullif(detail, ''), SQLERRM);
                    RAISE EXCEPTION '%', message
                        USING DETAIL = detail, HINT = 'Mend the rows, then load this again.';
            END;
        END LOOP;
        PERFORM set_config('lock_timeout', '1s', true);
        patience := least(patience, clock_timestamp() + interval '1 second');
    END LOOP;
END $$;
DISCARD TEMP;

-- Whoever may register may also use ids up.
SELECT format('ALTER SEQUENCE %s CYCLE', seqrelid::regclass) FROM pg_sequence
WHERE seqrelid = pg_get_serial_sequence('crashmon.processors', 'id')::regclass AND NOT seqcycle
\gexec

-- Each job is updated twice and deleted, and the queue is short compared with the jobs of a day:
-- vacuum after a few thousand dead rows, not after a fifth of the table, as by default.
SELECT 'ALTER TABLE crashmon.jobs SET (autovacuum_vacuum_scale_factor = 0.01,
            autovacuum_vacuum_threshold = 2000, autovacuum_analyze_scale_factor = 0.05)'
WHERE (SELECT reloptions IS NULL FROM pg_class WHERE oid = 'crashmon.jobs'::regclass)
\gexec
