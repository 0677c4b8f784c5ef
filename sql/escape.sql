-- What is told of others, names above all, cannot pass for a line of ours, nor do anything to a terminal: this setting
-- is a statement that makes of a message and its hint what is printed of them. As in the programs' log, \n, \t or \xNN
-- stands for each byte of a character that nobody sees. (A function would have to be made before anybody is trusted.)
SELECT set_config('crashmon.escape', $escape$
    SELECT string_agg(escaped, '' ORDER BY place) FILTER (WHERE line = 1),
           string_agg(escaped, '' ORDER BY place) FILTER (WHERE line = 2)
    FROM unnest(ARRAY[$1, $2]) WITH ORDINALITY AS told (text, line),
         regexp_split_to_table(text, '') WITH ORDINALITY AS one (letter, place),
         LATERAL (SELECT CASE
             WHEN letter = E'\n' THEN '\n'
             WHEN letter = E'\t' THEN '\t'
             WHEN letter ~ ('[\u0001-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f'
                            '\ufeff\U000e0000-\U000e007f]')
                 THEN regexp_replace(encode(convert_to(letter, getdatabaseencoding()), 'hex'), '(..)', '\\x\1', 'g')
             ELSE letter END) AS made (escaped)
$escape$, true)
\g (format=unaligned tuples_only) /dev/null
-- And this one makes of a name a word for a shell.
SELECT set_config('crashmon.word', $word$
    SELECT CASE WHEN $1 ~ '^[A-Za-z0-9_][A-Za-z0-9_.-]*$' THEN $1
                ELSE concat('''', replace($1, '''', $quote$'\''$quote$), '''') END
$word$, true)
\g (format=unaligned tuples_only) /dev/null
