# Common.pm - what the fault tests and the bench share: files as texts, and statements.
package Common;
use strict;
use warnings;
use Exporter qw(import);

our @EXPORT = qw(get_text put_text);

# The sessions of the tests find all tables, like those of Socorro's processors.
our $path = '-c search_path=crashmon_priority,crashmon,public';

sub get_text {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$file> // '';
}

sub put_text {
    my ($path, $text) = @_;
    open my $file, '>', $path or die "$path: $!\n";
    print $file $text;
    close $file or die "$path: $!\n";
}

# Statements, each a transaction of its own, by way of a file; returns what they print.
sub sql {
    my ($file, @statements) = @_;
    local $ENV{PGOPTIONS} = join ' ', $ENV{PGOPTIONS} // (), $path;
    put_text($file, join ";\n", @statements, '');
    open my $psql, '-|', qw(psql -qAtX -v ON_ERROR_STOP=1 -f), $file or die "psql: $!\n";
    local $/;
    my $printed = <$psql> // '';
    close $psql or die "failed: @statements\n";
    return $printed =~ s/\n\z//r;
}

1;
