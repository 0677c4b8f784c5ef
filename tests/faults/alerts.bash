# alerts.bash - a world of its own in which hours pass at once: what the programs write into their
# metrics now and then becomes the input of a unit test of the alerts, for promtool. Load it after
# helper.
# shellcheck shell=bash disable=SC2154 # bats sets status and output

RULES=$TESTS/../doc/crashmon.rules.yml

setup() {
    begin_case
    type -P promtool >/dev/null || skip "prometheus is not installed"
    METRICS=$BATS_TEST_TMPDIR/metrics SCRAPED=$BATS_TEST_TMPDIR/scraped
    mkdir "$METRICS" "$SCRAPED"
    echo "metrics-file = $METRICS" >>"$CONF"
    MINUTE=0 STEP=5
    interval 5
    processor alive >/dev/null
}

free_port() {
    perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "localhost")->sockport'
}

# Starts a node_exporter that reads the metrics as another user; it listens at $EXPORTER.
exporter() {
    type -P prometheus-node-exporter >/dev/null || skip "prometheus-node-exporter is not installed"
    EXPORTER=$(free_port)
    chmod 711 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
    exports() {
        local as=''
        [[ $(id -u) != 0 ]] || as='setpriv --reuid=65534 --regid=65534 --clear-groups'
        exec $as prometheus-node-exporter --collector.disable-defaults --collector.textfile \
            --collector.textfile.directory="$METRICS" --web.listen-address="localhost:$EXPORTER"
    }
    background exports
}

# How often cron starts all three programs, in minutes.
interval() {
    STEP=$1
    sed -i '/-loop-delay/d' "$CONF"
    printf '%s-loop-delay = 00:%02d:00\n' standard "$1" priority "$1" cleanup-jobs "$1" >>"$CONF"
}

# What Prometheus gets to see at this minute: times as if the clock had been at 0 when the case began.
scrape() {
    cat "$METRICS"/*.prom 2>/dev/null | perl -ne '
        next if /^#/ || !/^(\w+)\{(.*)\} (\S+)$/;
        my ($name, $labels, $value) = ($1, $2, $3);
        $value += '"$((MINUTE * 60))"' - time if $name =~ /_timestamp_seconds$/;
        print "$name\{instance=\"host1\",$labels\} $value\n"' >"$SCRAPED/$(printf %05d "$MINUTE")"
}

# So many minutes pass for all that has a time, but for the processors: these have just been seen,
# if they are not called silent.
pass() {
    local minutes=${1:-$STEP}
    scrape
    MINUTE=$((MINUTE + minutes))
    flock "$METRICS" perl -pi -e 's/^(\w+_timestamp_seconds\{.*\}) (\S+)$/"$1 " . ($2 - '"$((minutes * 60))"')/e' \
        "$METRICS"/*.prom
    sql "UPDATE jobs SET queueddatetime = queueddatetime - interval '$minutes min',
             starteddatetime = starteddatetime - interval '$minutes min',
             completeddatetime = completeddatetime - interval '$minutes min';
         UPDATE priorityjobs SET requesteddatetime = requesteddatetime - interval '$minutes min';
         UPDATE processors SET lastseendatetime = CASE WHEN name LIKE 'silent%'
             THEN lastseendatetime - interval '$minutes min' ELSE now() END"
}

# Has new crashes grow older, too, when time passes.
new_crashes_age() {
    eval "$(declare -f pass | sed '1s/pass/pass_for_jobs/')"
    pass() {
        local minutes=${1:-$STEP}
        find "$SPOOL"/2*/date -type l -exec touch -hr {} -d "-$minutes min" {} \;
        find "$SPOOL"/2*/name -type f -exec touch -r {} -d "-$minutes min" {} \;
        pass_for_jobs "$minutes"
    }
}

# A run that takes so many seconds for a job: at_work SECONDS PROGRAM [OPTION...]
at_work() {
    sql "CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_catalog.pg_sleep($1); RETURN coalesce(NEW, OLD); END';
         CREATE OR REPLACE TRIGGER slow BEFORE INSERT OR DELETE ON jobs FOR EACH ROW EXECUTE FUNCTION slow()"
    background program "crashmon-$2" "${@:3}"
    await grep -q "^crashmon_run_active{program=\"crashmon-$2\".* 1$" "$METRICS/crashmon-$2-main.prom"
}

# When the run of a program has moved last; whether it has since: has_told PROGRAM TIME.
told() { grep '^crashmon_run_progress' "$METRICS/crashmon-$1-main.prom"; }
has_told() { [[ $(told "$1") != "$2" ]]; }

# Hours in which a program works, while others run: hours_go_by PROGRAM OTHER...
hours_go_by() {
    local run
    for _ in {1..8}; do
        await has_told "$1" "$(told "$1")"
        for run in "${@:2}"; do "$run"; done
        pass
    done
}

# cron for so many minutes: each program runs, with options for some: cron MINUTES [PROGRAM OPTION...]
cron() {
    local end=$((MINUTE + $1)) run
    while ((MINUTE < end)); do
        for run in "${RUNS[@]}"; do
            if [[ $run == "${2:-}" ]]; then "$run" "${@:3}"; else "$run"; fi >/dev/null 2>&1 || true
        done
        pass
    done
}

# The input for promtool: each series with a value for each minute, "_" where it was not there.
series() {
    perl -e '
        my %values;
        my @files = map { m|(\d+)$| ? [$_, $1 + 0] : () } @ARGV;
        for my $i (0 .. $#files) {
            my ($path, $minute) = @{$files[$i]};
            my $length = ($i < $#files ? $files[$i + 1][1] : $ENV{MINUTE} + 1) - $minute;
            open my $file, "<", $path or die;
            while (<$file>) {
                /^(.*\}) (\S+)$/ or die;
                my $at = \$values{$1};
                $$at->{text} //= "";
                my $gap = $minute - ($$at->{end} // 0);
                $$at->{text} .= "_x$gap " if $gap > 0;
                $$at->{text} .= "$2+0x" . ($length - 1) . " ";
                $$at->{end} = $minute + $length;
            }
        }
        for my $name (sort keys %values) {
            (my $quoted = $name) =~ s/\x27/\x27\x27/g;
            print "      - series: \x27$quoted\x27\n        values: \x27$values{$name}{text}\x27\n";
        }' "$SCRAPED"/*
}

# Asserts which alerts fire now: fire [ALERT...]
fire() {
    local alert
    scrape
    export MINUTE
    {
        printf '%s\n' "rule_files: ['$(realpath "$RULES")']" 'evaluation_interval: 1m' 'tests:' \
            '  - interval: 1m' '    input_series:'
        series
        printf '%s\n' '    promql_expr_test:' \
            '      - expr: count by (alertname) (ALERTS{alertstate="firing"}) > bool 0' \
            "        eval_time: ${MINUTE}m" '        exp_samples:'
        (($# == 0)) && echo '          []'
        for alert; do
            printf '          - labels: %s\n            value: 1\n' "'{alertname=\"Crashmon$alert\"}'"
        done
    } >"$BATS_TEST_TMPDIR/alerts.yml"
    run promtool test rules "$BATS_TEST_TMPDIR/alerts.yml"
    [[ $status == 0 ]] || fail "$output" "$(cat "$METRICS"/*.prom | grep -v '^#')"
}
