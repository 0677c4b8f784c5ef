#!/usr/bin/perl
# flags - how the programs are built: what makes an attack harder is there by default, and flags of
# whoever calls make are added to what the build needs. Debian's are among them.
use strict;
use warnings;
use Cwd qw(realpath);
use File::Basename;
use File::Temp qw(tempdir);
use Test::More;

my $top = dirname(dirname(dirname(realpath(__FILE__))));
my @programs = map { "$ENV{BUILD}/crashmon-$_" } qw(scan priority cleanup);
plan skip_all => 'a build for the tests alone' if `nm '$programs[0]'` =~ /__asan_init/;

for my $program (@programs) {
    my $its = `readelf -W --file-header --program-headers --dynamic --dyn-syms '$program'`;
    my $name = basename($program);
    ok($its =~ /^ *Type: +DYN/m, "$name can be loaded anywhere");
    ok($its =~ /^ *GNU_RELRO /m, "$name protects what it has relocated");
    ok($its =~ /\(FLAGS\) +BIND_NOW/, "$name binds its functions at once");
    ok($its =~ / __(?!stack)\w+_chk@/, "$name checks sizes");
    ok($its =~ / __stack_chk_fail@/, "$name checks its stack");
}

# Whether a program may be marked is decided by the C library's part of it, too.
SKIP: {
    skip 'only on x86-64', 2 if `uname -m` !~ /^x86_64/;
    my @objects = glob "'$ENV{BUILD}'/src/*/*.o '$ENV{BUILD}'/pgc/*.o";
    is((() = `readelf -nW @objects` =~ /x86 feature: IBT, SHSTK/g), @objects,
       'each object is fit for control-flow protection');
    ok(`objdump -d --no-show-raw-insn '$programs[0]'` =~ /\bor[lq] +\$0x0,\(%rsp\)/,
         'no page of the stack is skipped');
}

# Makes targets with these variables, and as little as possible from outside.
sub make {
    my ($targets, @variables) = @_;
    my $build = tempdir(CLEANUP => 1);
    delete local @ENV{qw(MAKEFLAGS MAKELEVEL CPPFLAGS CFLAGS LDFLAGS LDLIBS)};
    my $variables = join ' ', map { "'$_'" } "BUILD=$build", @variables;
    my $said = `make -C '$top' -j2 @{[map { "'$build/$_'" } @$targets]} $variables 2>&1`;
    return ($?, $said, $build);
}

my ($failed, $said, $build) = make(['crashmon-scan'], 'CPPFLAGS=-DX=1', 'CFLAGS=-O1',
                                   'LDFLAGS=-Wl,--build-id=0xc0ffee00', 'LDLIBS=-lm');
is($failed, 0, 'flags on the command line do not break the build') or diag($said);
like($said, qr/-D_GNU_SOURCE .* -DX=1 .*-std=gnu17 -O2 .* -O1 /, 'they come last');
like(`readelf -n '$build/crashmon-scan' 2>&1`, qr/Build ID: c0ffee00/, 'the linker has its own, too');
like(`'$build/crashmon-scan' --version 2>&1`, qr/^crashmon-scan \d/, 'the program works');

# A level of FORTIFY's that is given; one that the compiler sets by itself; code that is not optimized.
my @some = qw(src/options/command_line.o src/log/log_file.o pgc/run.o);
for my $flags (['CPPFLAGS=-Wdate-time -D_FORTIFY_SOURCE=2', 'LDFLAGS=-Wl,-z,relro',
                'CFLAGS=-g -O2 -fstack-protector-strong -Wformat -Werror=format-security'],
               ['CFLAGS=-O2 -D_FORTIFY_SOURCE=2'], ['CC=gcc -D_FORTIFY_SOURCE=2'],
               ['CC=clang', 'CFLAGS=-O2'], ['CFLAGS=-O0'], ['OPTIMIZE=-O0', 'CFLAGS=-g']) {
    ($failed, $said) = make(\@some, @$flags);
    is($failed, 0, "@$flags") or diag($said);
}
done_testing();
