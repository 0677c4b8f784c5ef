-- What the three programs need beside the shared tables.

-- Whoever was last seen at this time or before has been silent for `silence`. Nobody could be seen
-- before the server was started; and time counts only from the start of a run until the next one of the
-- same program is due, after which the database or the programs were away, perhaps for everybody. One
-- that is due once a day must not stand for the others that long: half of `silence` is enough. While
-- somebody has `runs` locked nothing is known ('-infinity'): nobody is dead, nor alive only for not being so.
CREATE OR REPLACE FUNCTION crashmon.silent_since(silence interval) RETURNS timestamptz
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, crashmon, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
    reach CONSTANT interval := silence / 2;
    since timestamptz := now() - silence;
    away interval;
BEGIN
    -- What lies before such a time may be another one: after ten, the rest counts.
    FOR attempt IN 1..10 LOOP
        SELECT sum(began - due) INTO away FROM (
            SELECT began, max(reached) OVER (ORDER BY began
                                             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS due
            FROM (SELECT started, least(next_due, started + reach) FROM runs
                  WHERE started >= coalesce((SELECT max(started) FROM runs
                                             WHERE started < since - reach AND started > '-infinity'),
                                            since) - reach
                      AND started <= now() AND next_due > '-infinity'
                  UNION ALL SELECT now(), now()) AS run (began, reached)) AS absence
        WHERE began > due AND began > since;
        EXIT WHEN away IS NULL OR now() - silence - away >= since;
        since := now() - silence - away;
    END LOOP;
    RETURN CASE WHEN since < pg_postmaster_start_time() THEN 'epoch' ELSE since END;
EXCEPTION WHEN lock_not_available THEN
    RETURN '-infinity';
END $$;

-- Priority tables belong to somebody else, who may put anything into their place: a view, a trigger, an
-- index on an expression. So each is locked first, and used only where nothing on it can run code; the
-- lock admits no change of that.

-- What is called priority_jobs_<id>, as one of Socorro's processors names the table that it makes for
-- itself; or NULL.
CREATE OR REPLACE FUNCTION crashmon.priority_table(processor integer) RETURNS regclass
LANGUAGE sql STABLE STRICT
RETURN (SELECT c.oid::regclass FROM pg_class AS c
        WHERE c.relname = ('priority_jobs_' || processor)::name
            AND c.relnamespace = 'crashmon_priority'::regnamespace
            AND c.relkind IN ('r', 'p', 'v', 'm', 'f'));

-- Locks it until the end of the transaction. Returns
--   'ready'     it may be used, by name with ONLY;
--   'none'      there is none;
--   'busy'      somebody else has it locked;
--   'large'     it has a second index or more than ten megabytes: to search it may take long;
--   'refused'   something on it could run code, it has other columns, or a right is missing.
-- (ROW EXCLUSIVE would not do: it admits CREATE STATISTICS, whose expressions the planner evaluates.)
CREATE OR REPLACE FUNCTION crashmon.lock_priority_table(processor integer) RETURNS text
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, crashmon, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
    its_table regclass := crashmon.priority_table(processor);
BEGIN
    IF its_table IS NULL THEN
        RETURN 'none';
    -- An older snapshot would not see what has just been put on the table.
    ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
        RETURN 'busy';
    ELSIF (SELECT relkind FROM pg_class WHERE oid = its_table) IS DISTINCT FROM 'r' THEN
        RETURN 'refused';
    END IF;
    BEGIN
        EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', its_table);
    EXCEPTION
        WHEN lock_not_available THEN RETURN 'busy';
        WHEN insufficient_privilege OR undefined_table OR wrong_object_type THEN RETURN 'refused';
    END;
    RETURN CASE WHEN (crashmon.priority_table(processor) = its_table
            AND EXISTS (SELECT FROM pg_class WHERE oid = its_table AND relkind = 'r'
                            AND NOT relispartition AND NOT relrowsecurity)
            AND has_table_privilege(its_table, 'SELECT') AND has_table_privilege(its_table, 'INSERT')
            AND has_table_privilege(its_table, 'DELETE')
            AND (SELECT array_agg(attname::text) = '{uuid}'
                     AND bool_and(atttypid IN ('text'::regtype, 'varchar'::regtype))
                 FROM pg_attribute WHERE attrelid = its_table AND attnum > 0 AND NOT attisdropped)
            AND NOT EXISTS (SELECT FROM pg_attrdef WHERE adrelid = its_table)
            AND NOT EXISTS (SELECT FROM pg_constraint
                            WHERE conrelid = its_table AND contype NOT IN ('p', 'u', 'n'))
            AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = its_table
                                AND (indexprs IS NOT NULL OR indpred IS NOT NULL))
            AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = its_table)
            AND NOT EXISTS (SELECT FROM pg_rewrite WHERE ev_class = its_table)
            AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = its_table)
            AND NOT EXISTS (SELECT FROM pg_inherits WHERE its_table IN (inhrelid, inhparent))
            AND NOT EXISTS (SELECT FROM pg_statistic_ext WHERE stxrelid = its_table)) IS NOT TRUE
        THEN 'refused'
        WHEN (SELECT count(*) FROM pg_index WHERE indrelid = its_table) > 1
            OR pg_total_relation_size(its_table) > 10 << 20
        THEN 'large' ELSE 'ready' END;
END $$;

-- Adds crashes to the priority tables of their owners (owners[i] has uuids[i]), where these have
-- one. Returns the ids of the processors whose tables were passed over, as text: also of those whose
-- turn came after half a second, when others had their tables locked. Their crashes are served by
-- priority all the same.
CREATE OR REPLACE FUNCTION crashmon.fill_priority_tables(owners integer[], uuids text[]) RETURNS text
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, crashmon, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
    processor integer;
    state text;
    passed_over integer[] := '{}';
    patience timestamptz := clock_timestamp() + '0.5 seconds';
BEGIN
    FOR processor IN SELECT DISTINCT o FROM unnest(owners) AS o ORDER BY o LOOP
        state := CASE WHEN clock_timestamp() < patience
                      THEN crashmon.lock_priority_table(processor) ELSE 'busy' END;
        IF state = 'ready' THEN
            BEGIN
                -- What its processor could not remove again is not put there: a table that is published
                -- without a key admits no DELETE, not even of nothing.
                EXECUTE format('DELETE FROM ONLY %s WHERE false', crashmon.priority_table(processor));
                EXECUTE format(
                    'INSERT INTO %1$s (uuid)
                     SELECT DISTINCT u FROM unnest($1, $2) AS t (o, u)
                     WHERE o = $3
                         AND NOT EXISTS (SELECT FROM ONLY %1$s AS have
                                         WHERE octet_length(have.uuid) <= 255 AND have.uuid = u)
                     ON CONFLICT DO NOTHING', crashmon.priority_table(processor))
                USING owners, uuids, processor;
            EXCEPTION
                WHEN serialization_failure OR deadlock_detected THEN RAISE;
                WHEN OTHERS THEN state := 'refused';
            END;
        END IF;
        IF state NOT IN ('ready', 'none') THEN
            passed_over := passed_over || processor;
        END IF;
    END LOOP;
    RETURN array_to_string(passed_over, ', ');
END $$;

-- Removes a processor not seen for `silence` and without unfinished jobs. What waits in its
-- priority table is requested again, and the table is dropped. Returns
--   'kept'     nothing is changed: it is back, or has gone, or it has jobs;
--   'removed'  all is gone;
--   'busy'     somebody has its table or one of these requests locked, or there is too much in it: it
--              stays for the next time, with what has not been moved yet;
--   'stuck'    the server refuses one of these requests, as a warning says: it stays, with that one;
--   'refused'  its row is gone, but its table stays, as crashmon.lock_priority_table() or the server
--              refuses it, or to drop it would run an event trigger of somebody else's.
-- If its row is locked, or stays although the server was to delete it, it is an error, and nothing is
-- changed.
CREATE OR REPLACE FUNCTION crashmon.remove_processor(processor integer, silence interval) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, crashmon, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
    state text;
    its_table regclass;
    place tid;
    name text;
    done tid[] := '{}';
    has_more boolean;
    patience timestamptz := clock_timestamp() + '0.15 seconds'; -- what was moved is then deleted
BEGIN
    PERFORM FROM processors WHERE id = processor AND lastseendatetime <= crashmon.silent_since(silence)
        FOR UPDATE;
    IF NOT FOUND OR EXISTS (SELECT FROM jobs WHERE owner = processor AND success IS NULL) THEN
        RETURN 'kept';
    END IF;
    state := crashmon.lock_priority_table(processor);
    IF state IN ('ready', 'large') THEN
        state := 'ready';
        its_table := crashmon.priority_table(processor);
        -- Its owner may have put anything into it; what is too long for an id is not even unpacked.
        FOR place, name IN EXECUTE format('SELECT ctid, CASE WHEN octet_length(uuid) <= 255 THEN uuid END
                                           FROM ONLY %s', its_table) LOOP
            BEGIN
                IF crashmon.is_crash_id(name) THEN
                    PERFORM crashmon.request_crash(name);
                END IF;
                done := done || place;
            EXCEPTION
                WHEN serialization_failure OR deadlock_detected THEN RAISE;
                WHEN lock_not_available THEN state := 'busy';
                WHEN OTHERS THEN
                    IF state <> 'stuck' THEN
                        RAISE WARNING 'cannot request "%" again: %', name, SQLERRM;
                    END IF;
                    state := 'stuck';
            END;
            IF clock_timestamp() > patience THEN
                state := 'busy';
                EXIT;
            END IF;
        END LOOP;
        -- An event trigger would run what its owner has made.
        IF state = 'ready' AND EXISTS (
            SELECT FROM pg_event_trigger JOIN pg_proc AS f ON f.oid = evtfoid
            WHERE evtenabled <> 'D' AND evtevent <> 'login'
                AND proowner <> ALL (SELECT oid FROM pg_roles WHERE rolsuper
                                     UNION ALL SELECT nspowner FROM pg_namespace WHERE nspname = 'crashmon')) THEN
            state := 'refused';
        END IF;
        -- Something may depend on it, or publish it.
        IF state = 'ready' THEN
            BEGIN
                -- What was committed meanwhile is for the next run.
                EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', its_table);
                EXECUTE format('SELECT EXISTS (SELECT ctid FROM ONLY %s EXCEPT SELECT unnest($1))', its_table)
                    INTO has_more USING done;
                IF has_more THEN
                    RAISE lock_not_available;
                END IF;
                EXECUTE format('DROP TABLE %s', its_table);
            EXCEPTION
                WHEN serialization_failure OR deadlock_detected THEN RAISE;
                WHEN lock_not_available THEN state := 'busy';
                WHEN OTHERS THEN state := 'refused';
            END;
        END IF;
        IF state <> 'ready' THEN
            BEGIN
                EXECUTE format('DELETE FROM ONLY %s WHERE ctid = ANY ($1)', its_table) USING done;
            EXCEPTION
                WHEN serialization_failure OR deadlock_detected THEN RAISE;
                WHEN lock_not_available THEN state := 'busy';
                WHEN OTHERS THEN state := CASE state WHEN 'stuck' THEN state ELSE 'refused' END;
            END;
        END IF;
    END IF;
    IF state IN ('busy', 'stuck') THEN
        RETURN state;
    END IF;
    DELETE FROM processors WHERE id = processor;
    PERFORM crashmon.check_change(format('delete the row of processor %s', processor), FOUND);
    RETURN CASE state WHEN 'refused' THEN state ELSE 'removed' END;
END $$;

-- Forgets a storage that is used no more: its places, its pause and its runs. As the owner of the tables. Returns
--   'retired'   they are gone;
--   'has jobs'  nothing is changed: there are jobs of it, which cleanup has to put away first;
--   'at work'   nothing is changed: a run on it is at work;
--   'unknown'   nothing is known of it.
CREATE OR REPLACE FUNCTION crashmon.retire_storage(storage text) RETURNS text
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, crashmon, pg_temp AS $$
DECLARE
    known boolean;
BEGIN
    IF NOT has_table_privilege('storages', 'DELETE') THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('cannot retire storage "%s": only the owner of the tables may do so', crashmon.printable(storage));
    END IF;
    IF EXISTS (SELECT FROM jobs AS j WHERE j.storage = retire_storage.storage) THEN
        RETURN 'has jobs';
    ELSIF EXISTS (SELECT FROM pg_locks
                  WHERE locktype = 'advisory' AND objsubid = 2 AND granted
                      AND objid = hashtext(retire_storage.storage)::oid
                      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) THEN
        RETURN 'at work';
    END IF;
    DELETE FROM storages AS s WHERE s.storage = retire_storage.storage;
    known := FOUND;
    DELETE FROM pauses AS p WHERE p.storage = retire_storage.storage;
    DELETE FROM runs AS r WHERE r.storage = retire_storage.storage;
    known := known OR FOUND;
    PERFORM crashmon.check_change(format('retire storage "%s"', storage),
        NOT EXISTS (SELECT FROM storages AS s WHERE s.storage = retire_storage.storage)
        AND NOT EXISTS (SELECT FROM pauses AS p WHERE p.storage = retire_storage.storage)
        AND NOT EXISTS (SELECT FROM runs AS r WHERE r.storage = retire_storage.storage));
    RETURN CASE WHEN known THEN 'retired' ELSE 'unknown' END;
END $$;
