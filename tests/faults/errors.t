#!/usr/bin/perl
# errors - each program with every call failing once. A call that changes something fails in every
# way that it can, one that only looks in one way, the next such call in the next. The program ends
# with a documented code and says what failed, or carries on; after a second run, which is left
# alone, everything is as if nothing had happened. FAULTS=all takes every point.
use strict;
use warnings;
use Cwd qw(realpath);
use File::Basename;
use lib dirname(realpath(__FILE__));
use Faults;
use Test::More;

my %documented = map { $_ => 1 } 0, 1, 69, 70, 73, 74, 77, 78;
my %looks = map { $_ => 1 } qw(openat2 newfstatat getdents64 readlinkat);

my $turn = 0;
sub ways {
    my ($call, undef, $what) = @_;
    my @errors = @{ $Faults::errors{$call} };
    my $only_looks = $looks{$call} || ($call eq 'openat' && $what !~ /O_CREAT/);
    return $only_looks ? $errors[$turn++ % @errors] : @errors;
}

for my $situation (@Faults::situations) {
    my ($name, $program, @how) = @$situation;
    my $reference = Faults::set_stage($program, @how);
    my @calls = Faults::calls($program, sort keys %Faults::errors);
    my @points = map { my $call = $_; map { [@$call, $_] } ways(@$call) } @calls;
    my @taken = Faults::sample(5, @points);
    my @bad;
    for my $point (@taken) {
        my ($call, $number, $what, $error) = @$point;
        Faults::restore();
        my ($failed, $said) = Faults::disturb($program, $call, $number, "error=$error");
        $said .= Faults::log_text();
        my ($code, $output) = Faults::repair($program);
        my $difference = Faults::difference($reference, Faults::state($program));
        push @bad, "$error at $call $number: $what (ends with $failed, then $code)\n$difference\n$said\n$output"
            if $difference ne '' || $code > 1 || !$documented{$failed} || ($failed > 1 && $said !~ /cannot|lost/);
    }
    my $claim = "$name bears the failure of any of its " . @points . ' points (' . @taken . ' taken)';
    diag $claim if Faults::all();
    ok(!@bad, $claim) or diag join "\n", @bad;
}
done_testing();
