#!/usr/bin/perl
# memory - each program under valgrind: it touches no memory that is not its own, uses none that was
# never written, and loses none. That takes long: only with FAULTS=all.
use strict;
use warnings;
use Cwd qw(realpath);
use File::Basename;
use lib dirname(realpath(__FILE__));
use Test::More;
BEGIN { plan skip_all => 'only with FAULTS=all' if ($ENV{FAULTS} // '') ne 'all' }
use Faults;

# What is still reachable at the end is log4c's, and popt's when --help ends the program.
my @valgrind = (qw(valgrind --leak-check=full --error-exitcode=99),
                '--errors-for-leak-kinds=definite,possible');
my $clean = qr/ERROR SUMMARY: 0 errors/;

# The whole stage; then what is left of it, where nothing is to be done.
for my $situation (grep { !$_->[3] } @Faults::situations) {
    my ($name, $program, @how) = @$situation;
    my $reference = Faults::set_stage($program, @how);
    Faults::restore();
    local @Faults::under = @valgrind;
    for my $work ('does its work', 'has nothing to do') {
        my ($code, $output) = Faults::repair($program);
        my $difference = Faults::difference($reference, Faults::state($program));
        ok($code <= 1 && $difference eq '' && $output =~ $clean, "$name $work")
            or diag("ends with $code\n$difference\n$output");
    }
}

# How a run ends before it has begun.
my @settings = qw(--config=/dev/null --storage-root=/ --log-file-pathname=/dev/null);
for my $case (['help', 0, '--help'], ['version', 0, '--version'],
              ['configuration', 0, @settings, '--show-config'],
              ['unknown option', 64, '--limit=3', '--no-such-option'],
              ['bad value', 78, @settings, '--limit=3', '--batch-size=many'],
              ['bad file', 78, '--config=/etc/passwd'],
              ['database that is not there', 69, @settings, '--database-host=/nowhere']) {
    my ($what, $expected, @options) = @$case;
    my $output = `@valgrind $ENV{BUILD}/crashmon-priority @options 2>&1`;
    ok($? >> 8 == $expected && $output =~ $clean, "the end with a $what") or diag($output);
}
done_testing();
