-- For authors of reporters: web applications whose users ask for crashes.

-- Whether the text is a crash id, by the same rule as in the programs (src/spool/crash_id.h); false
-- for NULL. \A and \Z match the ends of the text only, never those of a line.
CREATE OR REPLACE FUNCTION crashmon.is_crash_id(text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce($1 COLLATE "C" ~
    '\A[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\Z', false);

-- Requests the report of a crash before all others. True: the request was added. False: it is
-- already waiting, and stays as it is. Text that is not a crash id is an error.
CREATE OR REPLACE FUNCTION crashmon.request_crash(uuid text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, crashmon, pg_temp AS $$
#variable_conflict use_column
DECLARE
    is_added boolean;
    is_there boolean;
BEGIN
    IF NOT crashmon.is_crash_id(request_crash.uuid) THEN
        -- As JSON, to keep it on one line.
        RAISE EXCEPTION 'not a crash id: %', crashmon.printable(to_json(coalesce(left(request_crash.uuid, 80), ''))::text)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- One that is waiting may be served before we look.
    FOR attempt IN 1..3 LOOP
        INSERT INTO priorityjobs (uuid) VALUES (request_crash.uuid) ON CONFLICT DO NOTHING;
        is_added := FOUND;
        is_there := EXISTS (SELECT FROM priorityjobs WHERE uuid = request_crash.uuid);
        EXIT WHEN is_there;
    END LOOP;
    PERFORM crashmon.check_change(format('request crash "%s"', request_crash.uuid), is_there);
    RETURN is_added;
END $$;

-- What to tell the user: 'queued', 'started', 'finished' or 'failed' for a job; 'requested' while
-- the crash has not been found; NULL if it was put away after processing, was never requested, or
-- the request was given up. In capitals or not, the id names the same crash.
CREATE OR REPLACE FUNCTION crashmon.crash_state(uuid text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, crashmon, pg_temp AS $$
DECLARE
    spellings text[] := ARRAY[uuid, lower(uuid), upper(uuid)];
BEGIN
    RETURN coalesce(
        (SELECT CASE WHEN j.success THEN 'finished'
                     WHEN NOT j.success THEN 'failed'
                     WHEN j.starteddatetime IS NOT NULL THEN 'started'
                     ELSE 'queued' END
         FROM jobs AS j WHERE j.uuid = ANY (spellings) ORDER BY j.uuid <> spellings[1] LIMIT 1),
        (SELECT 'requested' FROM priorityjobs AS p WHERE p.uuid = ANY (spellings) LIMIT 1));
END $$;
