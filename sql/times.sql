-- Nothing has happened in the future: such a time becomes now. Otherwise a processor with a wrong clock,
-- time zone or intention would be alive, and be given jobs, long after it is dead, and what it has begun
-- would never be too old.
CREATE OR REPLACE FUNCTION crashmon.not_ahead() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, crashmon, pg_temp AS $$
DECLARE
    latest timestamptz := clock_timestamp();
BEGIN
    IF TG_TABLE_NAME = 'processors' THEN
        NEW.startdatetime := least(NEW.startdatetime, latest);
        NEW.lastseendatetime := least(NEW.lastseendatetime, latest);
    ELSIF TG_TABLE_NAME = 'priorityjobs' THEN
        NEW.requesteddatetime := least(NEW.requesteddatetime, latest);
    ELSE
        NEW.queueddatetime := least(NEW.queueddatetime, latest);
        IF NEW.starteddatetime > latest THEN
            NEW.starteddatetime := latest;
        END IF;
        IF NEW.completeddatetime > latest THEN
            NEW.completeddatetime := latest;
        END IF;
    END IF;
    RETURN NEW;
END $$;
-- Not for new jobs, as crashmon alone makes them, thousands at once: a condition that is asked of each row
-- made a fifth of their INSERT. Others wait while rows are mended here, so that these are few.
DO $$
DECLARE
    its record;
    ahead bigint;
    message text;
    hint text;
BEGIN
    FOR its IN
        SELECT its_table, columns, columns[1] AS one, format('greatest(%s) > now()', array_to_string(columns, ', ')) AS is_ahead,
               CASE WHEN tgname IS NULL THEN trigger
                    ELSE format('ALTER TABLE crashmon.%s ENABLE TRIGGER not_ahead', its_table) END AS command
        FROM (VALUES ('processors', '{startdatetime,lastseendatetime}'::text[]),
                     ('jobs', '{queueddatetime,starteddatetime,completeddatetime}'),
                     ('priorityjobs', '{requesteddatetime}')) AS wanted (its_table, columns)
        JOIN unnest(current_setting('crashmon.triggers')::text[]) AS trigger
            ON trigger LIKE 'CREATE TRIGGER not_ahead % ON crashmon.' || its_table || ' %'
        LEFT JOIN pg_trigger ON tgname = 'not_ahead' AND tgrelid = ('crashmon.' || its_table)::regclass
        WHERE (tgenabled IN ('O', 'A')) IS NOT TRUE
        ORDER BY its_table DESC
    LOOP
        EXECUTE its.command;
        EXECUTE format('SELECT count(*) FROM crashmon.%s WHERE %s', its.its_table, its.is_ahead) INTO ahead;
        IF ahead > 10000 THEN
            EXECUTE current_setting('crashmon.escape') INTO message, hint USING
                format('%s rows of table %s.%s have times in the future: nothing is changed',
                       ahead, current_setting('crashmon.came_from'), its.its_table),
                format('Mend them, then load this again: UPDATE %s.%s SET %s WHERE %s',
                       current_setting('crashmon.came_from'), its.its_table,
                       (SELECT string_agg(format('%1$s = CASE WHEN %1$s > now() THEN now() ELSE %1$s END', name), ', ')
                        FROM unnest(its.columns) AS name),
                       its.is_ahead);
            RAISE EXCEPTION '%', message USING HINT = hint;
        END IF;
        EXECUTE format('UPDATE crashmon.%s SET %3$s = %3$s WHERE %2$s', its.its_table, its.is_ahead, its.one);
    END LOOP;
END $$;
