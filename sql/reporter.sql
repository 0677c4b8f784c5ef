-- For whoever writes a reporter today: a web application whose users ask for crashes.

-- True for a crash id: 36 characters, 8-4-4-4-12 hexadecimal digits and hyphens; false for all
-- else, NULL too. The same rule as in the programs (src/crash_id.h). \A and \Z stand for the ends
-- of the text, never for those of a line.
CREATE OR REPLACE FUNCTION crashmon.is_crash_id(text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce($1 COLLATE "C" ~
        '\A[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\Z', false)
$$;

-- Asks for the report of a crash before all others. True: the request was added. False: it waits
-- already; asking twice is harmless and does not renew it. What is no crash id is an error.
CREATE OR REPLACE FUNCTION crashmon.request_crash(uuid text) RETURNS boolean
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    IF NOT crashmon.is_crash_id(request_crash.uuid) THEN
        -- As JSON, so that it stays one line whatever is in it.
        RAISE EXCEPTION 'no crash id: %', to_json(coalesce(left(request_crash.uuid, 80), ''))
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO priorityjobs (uuid) VALUES (request_crash.uuid) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

-- What to tell the user who waits: 'queued', 'started', 'finished' or 'failed' for a job in the
-- queue; 'requested' while nobody has found the crash yet; NULL when it is neither, because it
-- was put away after processing, was never requested, or the request was given up.
CREATE OR REPLACE FUNCTION crashmon.crash_state(uuid text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT CASE WHEN j.success THEN 'finished'
                     WHEN NOT j.success THEN 'failed'
                     WHEN j.starteddatetime IS NOT NULL THEN 'started'
                     ELSE 'queued' END
         FROM jobs AS j WHERE j.uuid = crash_state.uuid),
        (SELECT 'requested' FROM priorityjobs AS p WHERE p.uuid = crash_state.uuid))
$$;
