#!/usr/bin/perl
# dashboard.pl - asks a Prometheus what the panels of doc/crashmon.dashboard.json would show, for all
# storages and hosts, from one time to another.
#
#     dashboard.pl FILE empty URL FROM TO STEP    prints the expressions that yield nothing
#     dashboard.pl FILE draw URL FROM TO STEP     prints the graphs, for gnuplot, as a PNG on stdout
use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;

my ($file, $what, $url, $from, $to, $step) = @ARGV;
open my $in, '<', $file or die "$file: $!\n";
my @panels = @{decode_json(join '', <$in>)->{panels}};

# What Prometheus answers to the expressions of a panel: a list of [LEGEND, [TIME, VALUE]...].
sub lines_of {
    my ($panel) = @_;
    my @lines;
    for my $target (@{$panel->{targets}}) {
        my $expression = $target->{expr} =~ s/"\$(?:storage|instance)"/".*"/gr;
        my $answer = HTTP::Tiny->new->post_form("$url/api/v1/query_range",
            {query => $expression, start => $from, end => $to, step => $step});
        die "$panel->{title}: $expression: $answer->{content}\n" if !$answer->{success};
        my @series = @{decode_json($answer->{content})->{data}{result}};
        print "$panel->{title}: $expression\n" if $what eq 'empty' and !@series;
        for my $series (@series) {
            my $legend = ($target->{legendFormat} // '') =~ s/\{\{(\w+)\}\}/$series->{metric}{$1} \/\/ ''/ger;
            push @lines, [$legend =~ tr/_/ /r, @{$series->{values}}];
        }
    }
    return @lines;
}

# A gap where there was nothing for longer than a step.
sub draw {
    my ($panel, @lines) = @_;
    my ($unit, $title) = (1, $panel->{title});
    if ($panel->{fieldConfig}{defaults}{unit} eq 's') {
        my $longest = 0;
        for my $line (@lines) {
            for (@$line[1 .. $#$line]) { $longest = $_->[1] if $_->[1] > $longest }
        }
        $unit = 3600 if $longest > 7200;
        $title .= $unit == 1 ? ' (seconds)' : ' (hours)';
    }
    print "set title \"$title\"\n";
    for my $i (0 .. $#lines) {
        my (undef, @points) = @{$lines[$i]};
        my $last = $points[0][0];
        print "\$line$i << END\n";
        for my $point (@points) {
            print "\n" if $point->[0] - $last > $step;
            $last = $point->[0];
            print "$last ", $point->[1] / $unit, "\n";
        }
        print "END\n";
    }
    print 'plot ', join(', ', map { "\$line$_ using 1:2 with lines linewidth 2 title \"$lines[$_][0]\"" } 0 .. $#lines), "\n";
}

print <<"END" if $what eq 'draw';
set terminal png truecolor size 900,960 font 'DejaVu Sans,8'
set linetype 1 linecolor '#3274d9'
set linetype 2 linecolor '#37872d'
set linetype 3 linecolor '#fa6400'
set linetype 4 linecolor '#c4162a'
set linetype 5 linecolor '#8f3bb8'
set linetype 6 linecolor '#e0b400'
set linetype 7 linecolor '#7f7f7f'
set linetype 8 linecolor '#1f1f1f'
set multiplot layout 4,2
set timefmt '%s'
set xdata time
set format x '%H:%M'
set xrange ['$from':'$to']
set xtics 4 * 3600 offset 0,0.4
set yrange [0:*]
set key below samplen 1
set border 3 linecolor '#888888'
set tics nomirror
set grid ytics linecolor '#dddddd'
END
for my $panel (@panels) {
    my @lines = lines_of($panel);
    draw($panel, @lines) if $what eq 'draw' and $panel->{type} eq 'timeseries';
}
