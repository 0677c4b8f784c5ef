# jobs.bash - jobs by number, for the tests of the SQL that crashmon offers.
# shellcheck shell=bash

# Queues a job: job NUMBER OWNER [COLUMN=VALUE...]. The higher the number, the younger the job.
job() {
    local number=$1 owner=$2 set statements
    shift 2
    statements="INSERT INTO jobs (pathname, uuid, owner, queueddatetime)
                VALUES ('/spool/$(id "$number").json', '$(id "$number")', $owner,
                        now() - interval '1 day' + $number * interval '1 minute');"
    for set in "$@"; do
        statements+="UPDATE jobs SET $set WHERE uuid = '$(id "$number")';"
    done
    sql "$statements"
}

id() { printf '%08x-f75b-11dc-b6be-001322081225\n' "$1"; }

# What a processor takes, as the numbers of job().
take() {
    sql "SET lock_timeout = '5s';
         SELECT string_agg(ltrim(left(uuid, 8), '0'), ' ') FROM crashmon.take_jobs($1, $2)"
}

makes_priority_table() {
    sql "CREATE TABLE priority_jobs_$1 (uuid varchar(50) NOT NULL PRIMARY KEY)"
}

names() { sql "INSERT INTO priority_jobs_$1 VALUES ('$2')"; }

# The processors were seen a while ago; one of them has just been seen.
unseen() { sql "UPDATE processors SET lastseendatetime = now() - interval '200 s'"; }
seen_now() {
    sql_is "SELECT string_agg(name, ' ' ORDER BY name) FROM processors
            WHERE lastseendatetime > now() - interval '10 s'" "${1-alpha}"
}
