#!/usr/bin/perl
# kills - each program killed before every call that changes something. After a second run, which
# is left alone, everything is as if nothing had happened. FAULTS=all takes every point.
use strict;
use warnings;
use Cwd qw(realpath);
use File::Basename;
use lib dirname(realpath(__FILE__));
use Faults;
use Test::More;

for my $situation (@Faults::situations) {
    my ($name, $program, @how) = @$situation;
    my $reference = Faults::set_stage($program, @how);
    my @points = grep { $_->[0] ne 'openat' || $_->[2] =~ /O_CREAT/ } Faults::calls($program, @Faults::changing);
    my @taken = Faults::sample(4, @points);
    my ($met, @bad) = 0;
    for my $point (@taken) {
        my ($call, $number, $what) = @$point;
        Faults::restore();
        my ($killed) = Faults::disturb($program, $call, $number, 'signal=KILL');
        my $more = Faults::miscounted($program);
        my ($code, $output) = Faults::repair($program);
        my $difference = Faults::difference($reference, Faults::state($program));
        $difference .= "\ncounted, and not done: $more" if $more != 0;
        push @bad, "killed before $call $number: $what (ends with $killed, then $code)\n$difference\n$output"
            if $difference ne '' || $code > 1 || ($killed != 137 && $killed > 1);
        $met += $killed == 137;
    }
    my $claim = "$name survives being killed at any of its " . @points . ' points (' . @taken . ' taken)';
    diag $claim if Faults::all();
    ok(!@bad, $claim) or diag join "\n", @bad;
    # Two threads share what is deleted: a number of the one may be too high for the other.
    cmp_ok($met, '>', 0.9 * @taken - 1, "... of which it was killed at $met");
}
done_testing();
