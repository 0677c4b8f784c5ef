-- What escape.sql is for the scripts, for functions that tell people of what others have written.
SELECT format('CREATE OR REPLACE FUNCTION crashmon.printable(told text) RETURNS text LANGUAGE sql STABLE
               RETURN (SELECT message FROM (%s) AS made (message, hint))',
              replace(replace(current_setting('crashmon.escape'), '$1', 'told'), '$2', 'NULL'))
\gexec
