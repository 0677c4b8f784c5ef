# Common.pm - what the fault tests and the bench share: files as texts, and statements.
package Common;
use strict;
use warnings;
use Exporter qw(import);

our @EXPORT = qw(get_text put_text);

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
    my ($path, @statements) = @_;
    put_text($path, join ";\n", @statements, '');
    open my $psql, '-|', qw(psql -qAtX -v ON_ERROR_STOP=1 -f), $path or die "psql: $!\n";
    local $/;
    my $printed = <$psql> // '';
    close $psql or die "failed: @statements\n";
    return $printed =~ s/\n\z//r;
}

1;
