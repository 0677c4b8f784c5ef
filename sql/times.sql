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
-- made a fifth of their INSERT.
SELECT format('%s; UPDATE crashmon.%s SET %3$s = %3$s WHERE greatest(%4$s) > now()',
              CASE WHEN tgname IS NULL THEN trigger
                   ELSE format('ALTER TABLE crashmon.%s ENABLE TRIGGER not_ahead', its_table) END,
              its_table, one, times)
FROM (VALUES ('processors', 'startdatetime, lastseendatetime', 'startdatetime'),
             ('jobs', 'queueddatetime, starteddatetime, completeddatetime', 'queueddatetime'),
             ('priorityjobs', 'requesteddatetime', 'requesteddatetime')) AS wanted (its_table, times, one)
JOIN unnest(current_setting('crashmon.triggers')::text[]) AS trigger
    ON trigger LIKE 'CREATE TRIGGER not_ahead % ON crashmon.' || its_table || ' %'
LEFT JOIN pg_trigger ON tgname = 'not_ahead' AND tgrelid = ('crashmon.' || its_table)::regclass
WHERE (tgenabled IN ('O', 'A')) IS NOT TRUE
\gexec
