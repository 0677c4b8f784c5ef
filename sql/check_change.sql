-- What a site's own trigger may swallow or undo, and a policy may hide, has not been done, and nobody must be told that it
-- has: this ends the function that calls it with an error (triggered_data_change_violation) unless `done` is true.
-- `what` completes "cannot ...".
CREATE OR REPLACE FUNCTION crashmon.check_change(what text, done boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, crashmon, pg_temp AS $$
BEGIN
    IF done IS NOT TRUE THEN
        RAISE EXCEPTION 'cannot %: the server has left it as it was (a trigger, or a policy?)', crashmon.printable(what)
            USING ERRCODE = 'triggered_data_change_violation';
    END IF;
END $$;
