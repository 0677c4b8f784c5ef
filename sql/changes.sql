-- Brings the tables that were there already up to the model in pg_temp: what is missing is added. What has a name of
-- ours and is something else is refused, as nobody knows what it is for, all of it at once. An index may have any name.
-- Nothing is locked where nothing is missing.
DO $$
DECLARE
    its record;
    commands text[] := '{}';
    odd text;
    message text;
    hint text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute
                   WHERE attrelid = 'crashmon.jobs'::regclass AND attname = 'storage') THEN
        RAISE EXCEPTION 'the tables are those of Socorro: nothing is changed'
            USING HINT = 'Load sql/from-socorro.sql first, see doc/migrating-from-socorro.md.';
    END IF;
    SELECT string_agg(pg_describe_object('pg_class'::regclass, real.oid, 0), ', ') INTO odd
    FROM pg_class AS real JOIN pg_class AS model USING (relname)
    WHERE real.relnamespace = 'crashmon'::regnamespace AND real.relkind NOT IN ('r', 'p')
        AND model.relnamespace = pg_my_temp_schema() AND model.relkind = 'r';
    IF odd IS NOT NULL THEN
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('where crashmon needs a table there is %s: nothing is changed', odd),
            'Rename that, and give its name to the table; then load this again.';
        RAISE EXCEPTION '%', message USING HINT = hint;
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
                SELECT 10001, 'index', relname,
                       regexp_replace(replace(pg_get_indexdef(oid), format(' INDEX %I ON ', relname), ' INDEX ON '),
                                      ' WITH \([^)]*\)', '')
                    || CASE WHEN indisvalid THEN '' ELSE ' INVALID' END
                FROM pg_index JOIN pg_class ON oid = indexrelid
                WHERE indrelid = c.oid AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
            ) AS on_it (step, kind, name, definition)
            WHERE relnamespace IN ('crashmon'::regnamespace, pg_my_temp_schema()) AND relkind IN ('r', 'p'))
        SELECT model.*, real.definition AS found,
               CASE model.kind WHEN 'column' THEN format('ALTER TABLE crashmon.%I ADD %I %s', model.its_table, model.name, model.definition)
                               WHEN 'constraint' THEN format('ALTER TABLE crashmon.%I ADD CONSTRAINT %I %s', model.its_table, model.name, model.definition)
                               -- The same index of a table that this one has replaced may have the name.
                               ELSE replace(model.definition, ' INDEX ON ', CASE WHEN to_regclass('crashmon.' || model.name) IS NULL
                                                                                 THEN format(' INDEX %I ON ', model.name)
                                                                                 ELSE ' INDEX ON ' END) END AS command
        FROM object AS model
        LEFT JOIN object AS real ON NOT real.is_model AND real.kind = model.kind AND real.its_table = model.its_table
            AND real.name = model.name
        WHERE model.is_model AND real.definition IS DISTINCT FROM model.definition
            -- More characters than ours has do no harm.
            AND (substring(model.definition FROM 'character varying\(([0-9]+)\)')::integer
                     <= coalesce(substring(real.definition FROM 'character varying\(([0-9]+)\)'), '1000000')::integer
                 AND regexp_replace(model.definition, '^character varying\([0-9]+\)', 'text')
                     = regexp_replace(real.definition, '^character varying(\([0-9]+\))?', 'text')) IS NOT TRUE
            AND NOT EXISTS (SELECT FROM object AS same WHERE NOT same.is_model AND same.its_table = model.its_table
                                AND same.kind = 'index' AND same.definition = model.definition)
        ORDER BY model.its_table, model.step
    LOOP
        IF its.found = its.definition || ' INVALID' THEN -- as CREATE INDEX CONCURRENTLY leaves it when it is ended
            its.command := format('REINDEX INDEX crashmon.%I', its.name);
        ELSIF its.name = 'id' AND its.found = regexp_replace(its.definition, ' DEFAULT \S+', '') THEN
            -- It went with the table that this one has replaced.
            its.command := format(CASE WHEN to_regclass(format('crashmon.%s_id_seq', its.its_table)) IS NULL
                                       THEN 'ALTER TABLE crashmon.%1$I ALTER id ADD GENERATED BY DEFAULT AS IDENTITY '
                                            '(SEQUENCE NAME crashmon.%1$s_id_seq)'
                                       ELSE 'ALTER TABLE crashmon.%1$I ALTER id SET DEFAULT nextval(''crashmon.%1$s_id_seq'')' END,
                                  its.its_table);
        ELSIF its.found IS NOT NULL THEN
            odd := concat_ws('; ', odd, format('the %s "%s" of table %s is "%s", where crashmon needs "%s"',
                                               its.kind, its.name, its.its_table, its.found, its.definition));
        END IF;
        commands := commands || its.command;
    END LOOP;
    IF odd IS NOT NULL THEN
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('%s: nothing is changed', odd),
            'What is your own, rename; otherwise make it what is needed. Then load this again.';
        RAISE EXCEPTION '%', message USING HINT = hint;
    END IF;
    PERFORM set_config('crashmon.commands', commands::text, true);
END $$;
\ir keys.sql
-- Whoever waits for a table behind us waits for a tenth of a second, as long as nothing is changed, then for as long as the
-- changes take. So that takes six seconds at most, which leaves four for the rest; but where all that is
-- done lets others work.
SELECT set_config('statement_timeout', '6s', true) FROM unnest(current_setting('crashmon.commands')::text[]) AS command
WHERE command NOT LIKE 'UPDATE %' AND command NOT LIKE '% VALIDATE CONSTRAINT %' LIMIT 1
\g (format=unaligned tuples_only) /dev/null
DO $$
DECLARE
    commands text[] := current_setting('crashmon.commands');
    command text;
    message text;
    detail text;
    hint text;
    patience timestamptz := clock_timestamp() + interval '4 seconds';
BEGIN
    FOREACH command IN ARRAY commands LOOP
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
EXCEPTION WHEN query_canceled THEN
    IF clock_timestamp() < statement_timestamp() + interval '6 seconds' THEN
        RAISE;
    END IF;
    -- What can be made beforehand: all but columns, which take no time, what is on them, and on tables that are small, or new.
    SELECT string_agg(statement, '; ' ORDER BY is_short, place) INTO detail
    FROM (SELECT place, c !~ ' INDEX | (UNIQUE|PRIMARY KEY) \(' AS is_short, CASE
              WHEN c LIKE 'REINDEX %' THEN replace(c, ' INDEX ', ' INDEX CONCURRENTLY ')
              WHEN c LIKE 'CREATE %' THEN regexp_replace(c, '^(.*? INDEX)( .*?| )ON ', '\1 CONCURRENTLY\2ON crashmon.')
              WHEN c ~ ' (UNIQUE|PRIMARY KEY) \('
                  THEN regexp_replace(c, '^ALTER TABLE (\S+) .*(\(.*)$', 'CREATE UNIQUE INDEX CONCURRENTLY ON \1 \2')
              WHEN c ~ ' (FOREIGN KEY|CHECK) \('
                  THEN replace(c, 'REFERENCES ', 'REFERENCES crashmon.') || ' NOT VALID'
                      || coalesce('; ' || replace(substring(c FROM '^.* ADD CONSTRAINT \S+'), ' ADD ', ' VALIDATE '), '')
              WHEN c LIKE '% VALIDATE CONSTRAINT %' THEN c END AS statement
          FROM unnest(commands) WITH ORDINALITY AS its (c, place)
          WHERE c ~ ' (ON |crashmon\.)(jobs|processors|priorityjobs)[ _]'
              AND NOT EXISTS (SELECT FROM unnest(commands) AS a
                              WHERE c ~ ('\m' || substring(a FROM '^ALTER TABLE \S+ ADD (?!CONSTRAINT |PRIMARY |UNIQUE |FOREIGN |CHECK )(\w+) ') || '\M'))
         ) AS made;
    EXECUTE current_setting('crashmon.escape') INTO message, hint USING
        'others would wait for the tables for more than ten seconds: nothing is changed',
        'Make these beforehand, one by one, for which nobody waits; then load this again: '
            || replace(detail, 'crashmon.', current_setting('crashmon.came_from') || '.');
    RAISE EXCEPTION '%', message USING HINT = coalesce(hint, 'Try again when the server has less to do.');
END $$;
SET LOCAL statement_timeout = 0;
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
