-- The keys of the tables, as in the model in pg_temp: a dump may have been restored without one, and Socorro's first
-- versions had unique indexes instead. A key is known by its columns, its name may be any. One that is missing is
-- made, where the rows permit it, and one whose index is not valid is made anew.
DO $$
DECLARE
    its record;
    commands text[] := current_setting('crashmon.commands');
    is_lost text := 'owner IS NOT NULL AND NOT EXISTS (SELECT FROM %s.processors AS p WHERE p.id = owner)';
    lost bigint;
    odd text;
    message text;
    hint text;
BEGIN
    -- Left from when there was no foreign key, it was not valid, or its triggers were not run: the next scan assigns these
    -- jobs. Others wait while they are mended, so that these are few. (Without NOT IN: that would read all processors, of
    -- which whoever may register makes any number, again for each job.)
    EXECUTE format('SELECT count(*) FROM crashmon.jobs WHERE %s', format(is_lost, 'crashmon')) INTO lost;
    IF lost > 10000 THEN
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('%s rows of table %s.jobs have an owner that is gone: nothing is changed',
                   lost, current_setting('crashmon.came_from')),
            format('Mend them, then load this again: UPDATE %s.jobs SET owner = NULL WHERE %s',
                   current_setting('crashmon.came_from'), format(is_lost, current_setting('crashmon.came_from')));
        RAISE EXCEPTION '%', message USING HINT = hint;
    ELSIF lost > 0 THEN
        commands := commands || format('UPDATE crashmon.jobs SET owner = NULL WHERE %s', format(is_lost, 'crashmon'));
    END IF;
    FOR its IN
        WITH key AS (
            SELECT relnamespace = pg_my_temp_schema() AS is_model, relname AS its_table, conname AS name,
                   regexp_replace(pg_get_constraintdef(k.oid), 'REFERENCES pg_temp[_0-9]*\.', 'REFERENCES ') AS definition,
                   ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)
                         ORDER BY attname) AS columns,
                   regexp_replace(nullif(confrelid, 0)::regclass::text, '^pg_temp[_0-9]*\.', '') AS refers_to,
                   concat(confdeltype, (SELECT string_agg(attname::text, ', ') FROM pg_attribute
                                        WHERE attrelid = confrelid AND attnum = ANY (confkey))) AS how,
                   (SELECT i.relname FROM pg_index JOIN pg_class AS i ON i.oid = indexrelid
                    WHERE contype <> 'f' AND indexrelid = conindid AND NOT indisvalid) AS invalid
            FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = conrelid
            WHERE relnamespace IN ('crashmon'::regnamespace, pg_my_temp_schema())
                AND (contype = 'f' OR contype IN ('p', 'u') AND NOT condeferrable))
        SELECT model.its_table, model.definition, coalesce(real.definition, other.definition) AS found, real.invalid,
               has_index.name AS its_index,
               CASE WHEN to_regclass('crashmon.' || quote_ident(model.name)) IS NULL
                         AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = model.name
                                             AND conrelid = ('crashmon.' || model.its_table)::regclass)
                    THEN format('CONSTRAINT %I ', model.name) ELSE '' END AS its_name
        FROM key AS model
        LEFT JOIN key AS real ON NOT real.is_model AND real.its_table = model.its_table
            AND real.columns = model.columns AND real.refers_to IS NOT DISTINCT FROM model.refers_to
        -- What is in the way: another primary key, or a deferrable one, as a table has one; and a reference to another
        -- table, such as one that was processors before it was made anew.
        LEFT JOIN LATERAL (
            SELECT min(pg_get_constraintdef(oid)) AS definition FROM pg_constraint
            WHERE conrelid = ('crashmon.' || model.its_table)::regclass
                AND (contype = 'p' AND model.definition LIKE 'PRIMARY KEY %'
                     OR contype = 'f' AND model.columns = ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = conrelid
                                                                    AND attnum = ANY (conkey)))) AS other ON true
        LEFT JOIN LATERAL (
            SELECT min(relname) AS name FROM pg_index JOIN pg_class ON oid = indexrelid
            WHERE indrelid = ('crashmon.' || model.its_table)::regclass AND indisunique AND indisvalid
                AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
                AND regexp_replace(pg_get_indexdef(indexrelid), '^.* USING btree | WITH \([^)]*\)', '', 'g')
                    = substring(model.definition FROM '\(.*\)')) AS has_index ON model.refers_to IS NULL
        WHERE model.is_model AND (real.how IS DISTINCT FROM model.how OR real.invalid IS NOT NULL)
        ORDER BY model.refers_to NULLS FIRST, model.its_table
    LOOP
        IF its.invalid IS NOT NULL THEN
            commands := commands || format('REINDEX INDEX crashmon.%I', its.invalid);
        ELSIF its.found IS NOT NULL THEN
            odd := concat_ws('; ', odd, format('the key of table %s is "%s", where crashmon needs "%s"',
                                               its.its_table, its.found, its.definition));
        ELSE
            commands := commands || format('ALTER TABLE crashmon.%I ADD %s%s', its.its_table, its.its_name,
                                           coalesce(split_part(its.definition, ' (', 1) || ' USING INDEX '
                                                        || quote_ident(its.its_index), its.definition));
        END IF;
    END LOOP;
    IF odd IS NOT NULL THEN
        EXECUTE current_setting('crashmon.escape') INTO message, hint USING
            format('%s: nothing is changed', odd), 'Drop these, then load this again.';
        RAISE EXCEPTION '%', message USING HINT = hint;
    END IF;
    -- Nobody who reads or writes waits for that.
    commands := commands || ARRAY(
        SELECT format('ALTER TABLE crashmon.jobs VALIDATE CONSTRAINT %I', conname) FROM pg_constraint
        WHERE conrelid = 'crashmon.jobs'::regclass AND confrelid = 'crashmon.processors'::regclass AND NOT convalidated
            AND conkey = ARRAY(SELECT attnum FROM pg_attribute WHERE attrelid = conrelid AND attname = 'owner'));
    PERFORM set_config('crashmon.commands', commands::text, true);
EXCEPTION WHEN lock_not_available THEN
    RAISE EXCEPTION 'the table crashmon.jobs is in use for too long: nothing is changed'
        USING HINT = 'pg_locks says by whom; try again when they have ended.';
END $$;
