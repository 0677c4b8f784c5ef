-- Pauses a storage; one that is paused gets the new reason, and a warning has the old one. Runs that are at
-- work go on to their end.
-- Returns
--   'paused'   no run is at work;
--   'at work'  paused, and there is one, see the view crashmon.locks;
--   'unknown'  nothing is changed: no program has worked with a storage of that name.
-- Without a reason it is an error (null_value_not_allowed).
CREATE OR REPLACE FUNCTION crashmon.pause(storage text, reason text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, crashmon, pg_temp AS $$
#variable_conflict use_column
DECLARE
    is_done boolean;
    earlier record;
BEGIN
    IF reason ~ '[^[:space:]]' IS NOT TRUE THEN
        RAISE EXCEPTION 'storage "%" is not paused, as no reason is given', crashmon.printable(storage)
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Whoever finds it paused has to know why.';
    END IF;
    IF NOT EXISTS (SELECT FROM crashmon.runs AS r WHERE r.storage = pause.storage)
        AND NOT EXISTS (SELECT FROM crashmon.storages AS s WHERE s.storage = pause.storage)
        AND NOT EXISTS (SELECT FROM jobs AS j WHERE j.storage = pause.storage) THEN
        RETURN 'unknown';
    END IF;
    SELECT * INTO earlier FROM crashmon.pauses AS p WHERE p.storage = pause.storage;
    IF FOUND THEN
        RAISE WARNING 'storage "%" was paused already, since % by "%": "%"', crashmon.printable(storage),
            date_trunc('second', earlier.since), crashmon.printable(earlier.who), crashmon.printable(left(earlier.reason, 300))
            USING HINT = 'Yours takes its place: resume it only when both are over.';
    END IF;
    INSERT INTO crashmon.pauses AS p (storage, reason) VALUES (pause.storage, pause.reason)
        ON CONFLICT (storage)
            DO UPDATE SET reason = excluded.reason, since = now(), who = session_user
        RETURNING p.storage = pause.storage INTO is_done;
    PERFORM crashmon.check_change(format('pause storage "%s"', storage), is_done);
    RETURN CASE WHEN EXISTS (SELECT FROM crashmon.locks AS l WHERE l.storage = pause.storage)
        THEN 'at work' ELSE 'paused' END;
END $$;

-- Lets the next runs work again. False: the storage was not paused.
CREATE OR REPLACE FUNCTION crashmon.resume(storage text) RETURNS boolean
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, crashmon, pg_temp AS $$
DECLARE
    was_paused boolean;
BEGIN
    DELETE FROM crashmon.pauses AS p WHERE p.storage = resume.storage;
    was_paused := FOUND;
    PERFORM crashmon.check_change(format('resume storage "%s"', storage),
        NOT EXISTS (SELECT FROM crashmon.pauses AS p WHERE p.storage = resume.storage));
    RETURN was_paused;
END $$;
