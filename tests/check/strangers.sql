-- Plants a trap for each function and operator that `used` names, as the current user in the schema
-- that the setting trap.schema names: with the same argument types, and with others that fit a call
-- as well or better. A trap that is sprung counts in the sequence traps.sprung.
DO $$
DECLARE
    used_functions oid[] := current_setting('trap.functions');
    used_operators oid[] := current_setting('trap.operators');
    place text := current_setting('trap.schema');
    body text := $body$ LANGUAGE plpgsql AS 'BEGIN
        PERFORM pg_catalog.nextval(''traps.sprung''); RAISE LOG ''trap: %s''; RETURN NULL; END' $body$;
    its record;
    arguments text;
    result text;

    texts text[] := '{text,varchar,name}';
    numbers text[] := '{integer,bigint}';
    oids text[] := '{oid,regclass,integer}';
    times text[] := '{timestamp,timestamptz,date}';
    every text[] := '{text,varchar,name,integer,bigint,boolean,timestamptz,oid,regclass,interval}';
    arrays text[] := '{text[],varchar[],name[],integer[],bigint[],boolean[],oid[]}';
BEGIN
    CREATE TEMP TABLE fits (type oid, other text);
    INSERT INTO fits SELECT oid, oid::regtype::text FROM pg_type WHERE typtype = 'b';
    INSERT INTO fits SELECT t::regtype, o FROM unnest(texts || '{"char"}'::text[]) AS t, unnest(texts) AS o;
    INSERT INTO fits SELECT t::regtype, o FROM unnest(numbers || '{smallint}'::text[]) AS t, unnest(numbers) AS o;
    INSERT INTO fits SELECT t::regtype, o FROM unnest(times) AS t, unnest(times) AS o;
    INSERT INTO fits SELECT t::regtype, o FROM unnest(oids) AS t, unnest(oids) AS o;
    INSERT INTO fits SELECT t::regtype, o
        FROM unnest('{anyelement,"\"any\"",anynonarray,anycompatible,anyenum}'::text[]) AS t,
             unnest(every || arrays) AS o;
    INSERT INTO fits SELECT t::regtype, o
        FROM unnest('{anyarray,anycompatiblearray,text[],varchar[]}'::text[]) AS t, unnest(arrays) AS o;

    -- The arguments of a function are those that are declared, and for a variadic one up to six more.
    FOR its IN
        WITH RECURSIVE called AS (
            SELECT p.oid, p.proname, p.prorettype, p.prokind,
                   ARRAY(SELECT unnest(p.proargtypes) LIMIT p.pronargs - (p.provariadic <> 0)::integer)
                       || CASE WHEN p.provariadic = 0 THEN '{}'
                               ELSE array_fill(p.provariadic, ARRAY[more]) END AS types
            FROM pg_proc AS p, generate_series(1, 6) AS more
            WHERE p.oid = ANY (used_functions) AND (p.provariadic <> 0 OR more = 1)),
        signatures AS (
            SELECT oid, proname, prorettype, prokind, types, '{}'::text[] AS made FROM called
            UNION ALL
            SELECT s.oid, proname, prorettype, prokind, types, made || other
            FROM signatures AS s JOIN fits ON type = types[cardinality(made) + 1]
            WHERE cardinality(made) < cardinality(types)
                -- Of many arguments all of a kind are of the same type.
                AND (cardinality(made) < 2 OR other = made[cardinality(made)]
                     OR types[cardinality(made)] <> types[cardinality(made) + 1]))
        SELECT DISTINCT proname, prokind, array_to_string(made, ', ') AS arguments,
               CASE WHEN t.typtype = 'p' THEN 'text' ELSE prorettype::regtype::text END AS result
        FROM signatures JOIN pg_type AS t ON t.oid = prorettype
        WHERE cardinality(made) = cardinality(types)
    LOOP
        BEGIN
            IF its.prokind = 'a' AND its.arguments = '' THEN
                EXECUTE format('CREATE FUNCTION %I.state(bigint) RETURNS bigint', place)
                    || format(body, 'count');
                EXECUTE format('CREATE AGGREGATE %I.%I(*) (SFUNC = %1$I.state, STYPE = bigint)',
                               place, its.proname);
            ELSE
                EXECUTE format('CREATE FUNCTION %I.%I(%s) RETURNS %s', place, its.proname,
                               its.arguments, its.result)
                    || format(body, its.proname || '(' || its.arguments || ')');
            END IF;
        EXCEPTION WHEN duplicate_function THEN NULL;
        END;
    END LOOP;

    FOR its IN
        SELECT DISTINCT oprname, l.other AS of_left, r.other AS of_right,
               CASE WHEN t.typtype = 'p' THEN 'text' ELSE oprresult::regtype::text END AS result
        FROM pg_operator JOIN pg_type AS t ON t.oid = oprresult
        JOIN fits AS r ON r.type = oprright LEFT JOIN fits AS l ON l.type = oprleft
        WHERE pg_operator.oid = ANY (used_operators)
    LOOP
        arguments := concat_ws(', ', its.of_left, its.of_right);
        result := 'trap_' || replace(its.result, ' ', '_');
        BEGIN
            EXECUTE format('CREATE FUNCTION %I.%I(%s) RETURNS %s', place, result, arguments, its.result)
                || format(body, 'operator (' || arguments || ')');
        EXCEPTION WHEN duplicate_function THEN NULL;
        END;
        BEGIN
            EXECUTE format('CREATE OPERATOR %1$I.%2$s (%3$s RIGHTARG = %4$s, FUNCTION = %1$I.%5$I)', place, its.oprname,
                           'LEFTARG = ' || its.of_left || ',', its.of_right, result);
        EXCEPTION WHEN duplicate_function THEN NULL;
        END;
    END LOOP;
    DROP TABLE fits;

    -- What a schema before pg_catalog would hide: the types, and the catalogs.
    EXECUTE format('CREATE FUNCTION %I.is_sprung() RETURNS boolean', place) || format(body, 'type or catalog');
    FOR its IN SELECT typname AS name, format('DOMAIN %I.%I AS pg_catalog.%2$I CHECK (%1$I.is_sprung())',
                                              place, typname) AS what
               FROM pg_type WHERE typtype = 'b' AND typcategory <> 'A' AND typnamespace = 'pg_catalog'::regnamespace
               UNION ALL
               SELECT relname, format('VIEW %I.%I AS SELECT * FROM pg_catalog.%2$I WHERE %1$I.is_sprung()',
                                      place, relname)
               FROM pg_class WHERE relkind IN ('r', 'v') AND relnamespace = 'pg_catalog'::regnamespace
    LOOP
        BEGIN
            EXECUTE 'CREATE ' || its.what;
        EXCEPTION WHEN insufficient_privilege OR duplicate_object OR duplicate_table
                OR feature_not_supported OR invalid_table_definition THEN NULL;
        END;
    END LOOP;
END $$;
