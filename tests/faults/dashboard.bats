#!/usr/bin/env bats
# dashboard.bats - each panel of the dashboard shows something: asked of a Prometheus that has watched the
# demo and some bad days after it. With PICTURE=FILE.png another case draws the panels of a long day.
# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034,SC2153 # bats and helpers set variables, and use them
load ../helper
load alerts

# The day takes minutes.
[[ ! ${PICTURE:-} ]] || BATS_TEST_TIMEOUT=1000

panels() { "$TESTS/faults/dashboard.pl" "$TESTS/../doc/crashmon.dashboard.json" "$@"; }

# Starts a Prometheus with the configuration on stdin; it is at $URL.
prometheus() {
    local port
    port=$(free_port)
    URL=http://localhost:$port
    cat >"$BATS_TEST_TMPDIR/prometheus.yml"
    server() {
        exec prometheus --config.file="$BATS_TEST_TMPDIR/prometheus.yml" --storage.tsdb.path="$BATS_TEST_TMPDIR/tsdb" \
            --web.listen-address="localhost:$port"
    }
    background server
    await perl -MHTTP::Tiny -e 'exit !HTTP::Tiny->new->get("$ARGV[0]/-/ready")->{success}' "$URL"
}

# Waits until Prometheus has an answer to this.
sees() {
    await perl -MHTTP::Tiny -e '
        exit HTTP::Tiny->new->post_form("$ARGV[0]/api/v1/query", {query => $ARGV[1]})->{content} !~ /"value"/' \
        "$URL" "$1"
}

@test "each expression of each panel yields something when there were some bad days" {
    DEMO=$BATS_TEST_TMPDIR/demo METRICS=$BATS_TEST_TMPDIR/demo/metrics
    began=$EPOCHSECONDS
    exporter
    prometheus <<END
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ['$(realpath "$RULES")']
scrape_configs: [{job_name: node, static_configs: [{targets: ['localhost:$EXPORTER']}]}]
END
    empty_tables
    PGOPTIONS='' DEMO=$DEMO "$TESTS/demo" --inside 3>&1 >"$BATS_TEST_TMPDIR/server" 2>&1 ||
        fail "$(cat "$BATS_TEST_TMPDIR/server")"
    CONF=$DEMO/crashmon.conf SPOOL=$DEMO/spool

    # Counters that appear have not increased yet; so each of it happens twice.
    refuse "$(crash)"
    for day in 1 2; do
        crash --without dump --age 100000 >/dev/null
        expect_status 69 priority --database-port=1
        expect_status 1 scan
        sees "crashmon_runs_total{program='crashmon-priority',exit_code='69'} == $day"
        sees "crashmon_crashes_total{program='crashmon-scan',outcome='quarantined'} == $day + 1"
    done
    held priority
    # For longer than the questions below are apart.
    sees 'min_over_time(crashmon_run_active[3s]) == 1'
    session COMMIT
    background_ends 0
    sees 'ALERTS{alertname="CrashmonNeedsAttention",alertstate="firing"}'
    sees 'count_over_time(crashmon_requests[4s]) >= 3'

    empty=$(panels empty "$URL" "$began" "$EPOCHSECONDS" 1)
    [[ ! $empty ]] || fail "$empty"
    for label in storage instance; do sees "crashmon_build_info{$label!=''}"; done
}

# --- the picture in doc/

# As many crashes come as at this time of a day, processors do what they can, and each program runs, with
# options for one of them: ten [PROGRAM OPTION...]. Then ten minutes have passed, for what is new, too.
ten() {
    crash --age 60 --count "$(perl -e 'print int(30 - 20 * cos(3.14159 * $ARGV[0] / 720))' "$MINUTE")" >/dev/null
    sql "UPDATE jobs SET starteddatetime = now(), completeddatetime = now(), success = random() > 0.04
         WHERE id IN (SELECT id FROM jobs WHERE success IS NULL ORDER BY priority DESC, queueddatetime LIMIT 70);
         UPDATE jobs SET starteddatetime = now() WHERE id IN (
             SELECT id FROM jobs WHERE starteddatetime IS NULL ORDER BY queueddatetime LIMIT 5)"
    cron 10 "$@"
    find "$SPOOL/20081225" ! -type d -printf '%Ts %p\n' | perl -e '
        my %paths;
        /^(\d+) (.*)/ and push @{$paths{$1}}, $2 while <>;
        system "touch", "-h", "-d", "\@" . ($_ - 600), @{$paths{$_}} for keys %paths'
}
hours() {
    local end=$((MINUTE + $1 * 60))
    while ((MINUTE < end)); do ten "${@:2}"; done
}

@test "the picture of a day: no database for a while, then no processor, then a full disk" {
    [[ ${PICTURE:-} ]] || skip "PICTURE is not set"
    processor another
    disk "$ARCHIVE" size=40m
    interval 10
    hours 4
    request "$(nowhere)"
    crash --without dump --age 100000 >/dev/null
    hours 3
    RUNS=(down)
    down() { for run in scan priority cleanup_jobs; do "$run" --database-port=1; done; }
    hours 1
    RUNS=(scan priority cleanup_jobs)
    hours 3
    sql "UPDATE processors SET name = 'silent ' || name"
    hours 2
    processor alive
    processor another
    hours 3
    fill=$(df --output=avail -B1 "$ARCHIVE" | tail -n 1)
    head -c "$fill" /dev/zero >"$ARCHIVE/filler"
    hours 2
    rm "$ARCHIVE/filler"
    hours 6
    scrape

    # Each minute has what was scraped last.
    local base minute now last
    base=$(date -d 'yesterday 00:00' +%s)
    for minute in $(seq 0 "$MINUTE"); do
        now=$SCRAPED/$(printf %05d "$minute")
        [[ ! -e $now ]] || last=$now
        BASE=$base NOW=$((base + minute * 60)) perl -ne '
            my ($series, $value) = /^(.*\}) (\S+)$/ or die;
            $value += $ENV{BASE} if $series =~ /^\w+_timestamp_seconds\{/;
            print "$series $value $ENV{NOW}\n"' "$last"
    done >"$BATS_TEST_TMPDIR/day"
    echo '# EOF' >>"$BATS_TEST_TMPDIR/day"
    promtool tsdb create-blocks-from openmetrics "$BATS_TEST_TMPDIR/day" "$BATS_TEST_TMPDIR/tsdb" >/dev/null
    prometheus <<<'global: {}'
    panels draw "$URL" "$base" "$((base + MINUTE * 60))" 300 >"$BATS_TEST_TMPDIR/draw"
    gnuplot "$BATS_TEST_TMPDIR/draw" >"$PICTURE"
    (($(stat -c %s "$PICTURE") < 100000))
}
