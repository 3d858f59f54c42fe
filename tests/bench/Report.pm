# Report — what was measured: a table for people on standard output, a JSON object a line in a file.
#
# Each measurement is a line of JSON of its own, with the machine's limits of the same minute.  In the table are
# medians; between two sides it has the ratio of each pair, its median and its range.
package Report;
use strict;
use warnings;
use JSON::PP ();

my $json = JSON::PP->new->canonical;

sub new {
	my ($class, $file) = @_;
	open my $f, ">", $file or die "bench: $file: $!\n";
	$f->autoflush(1);
	return bless { file => $f }, $class;
}

sub keep {
	my ($r, %line) = @_;
	for (values %line, values %{$line{result} // {}}) { $_ += 0 if defined && !ref && /^-?[\d.]+(e[-+]?\d+)?$/i }
	print { $r->{file} } $json->encode(\%line), "\n";
}

sub median {
	my @v = sort { $a <=> $b } grep { defined } @_;
	return unless @v;
	return @v % 2 ? $v[$#v / 2] : ($v[@v / 2 - 1] + $v[@v / 2]) / 2;
}

sub short { my ($v) = @_; return !defined $v ? "-" : $v >= 100 ? sprintf("%.0f", $v) : $v >= 10 ? sprintf("%.1f", $v) : sprintf("%.2f", $v) }

# The figure of a result, and whether more of it is better.
sub figure {
	my ($result) = @_;
	for ([rate => 1], [us => 0], [s => 0]) { return ($result->{$_->[0]}, @$_) if defined $result->{$_->[0]} }
	return;
}
my %unit = (rate => "/s", us => " us", s => " s");

# Further figures, and how each is printed.
my @columns = (["p50_ms", "p50 %s ms"], ["p99_ms", "p99 %s ms"], ["oms_cpu_us", "oms %s us"], ["ims_cpu_us", "ims %s us"],
	["oms_writes", "oms %s pwrites"], ["oms_syncs", "%s syncs"], ["ims_writes", "ims %s pwrites"], ["ims_syncs", "%s syncs"],
	["check_us", "checks %s us"], ["rest_us", "the rest %s us"], ["accept_rate", "accepted %s/s"], ["bare_rate", "as bare rows %s/s"], ["ten_rate", "in ten tables %s/s"],
	["cpu_us", "CPU %s us"], ["bare_cpu_us", "bare %s us"], ["ten_cpu_us", "ten %s us"],
	["against_empty", "%s of the rate when empty"], ["idle_kib", "%s KiB an idle session"]);

sub of {	# NAME, RESULTS...: the median of that figure
	my ($name, @results) = @_;
	return median(map { $_->{$name} } @results);
}

# How many appends each was worth, by the limits of its round.
sub in_appends {
	my ($limits, @results) = @_;
	return median(map { $results[$_]{fault} || !$limits->[$_]{append} ? undef : $results[$_]{rate} / $limits->[$_]{append} }
	    0 .. $#results);
}

sub side_line {
	my ($name, $limits, @results) = @_;
	my @good = grep { !$_->{fault} } @results;
	my ($fault) = map { $_->{fault} // () } @results;
	my $failed = defined $fault ? "  (" . (@results - @good) . " of " . @results . " failed: $fault)" : "";
	my @first = @good ? figure($good[0]) : ();
	return sprintf "    %-10s %12s%s\n", $name, "-", $failed unless @first;
	my $v = of($first[1], @good);
	my $beside = $first[1] eq "rate" ? sprintf "  %5.2f F", in_appends($limits, @results) // 0 : "";
	my @more = map { my $m = of($_->[0], @good); defined $m && $m >= 0.005 ? sprintf $_->[1], short($m) : () } @columns;
	return sprintf "    %-10s %12s%s  %s%s\n", $name, short($v) . $unit{$first[1]}, $beside, join(", ", @more), $failed;
}

# Pair by pair, so that what the machine did meanwhile is in neither; in their order.
sub ratios {
	my ($these, $those) = @_;
	my @ratios;
	for (0 .. $#$these) {
		my ($x, undef, $more) = figure($these->[$_]);
		my ($y) = figure($those->[$_]);
		push @ratios, $more ? $x / $y : $y / $x if $x && $y && !$these->[$_]{fault} && !$those->[$_]{fault};
	}
	return sort { $a <=> $b } @ratios;
}

sub ratio_line {
	my ($these, $those, $first, $second) = @_;
	my @ratios = ratios($these, $those);
	return "" unless @ratios;
	return sprintf "    %-10s %12s  median of %d pairs, %s to %s: how much faster %s is than %s\n", "", short(median(@ratios)) . " x",
	    scalar @ratios, short($ratios[0]), short($ratios[-1]), $first, $second;
}

# row, limits of each round, results of each side: [NAME, RESULT of each round].
sub table {
	my ($row, $limits, @sides) = @_;
	my $text = "$row->{name} ($row->{key})\n";
	$text .= side_line($_->[0], $limits, @{$_->[1]}) for @sides;
	$text .= ratio_line($sides[0][1], $sides[$_][1], $sides[0][0], $sides[$_][0]) for 1 .. $#sides;
	return $text . sprintf "    %-10s F %s/s, F' %s/s, bare LMDB %s, %s, %s/s at 1, 5, 25 a commit, P-256: verify %s us, sign %s us\n",
	    "beside it", map { short(of($_, @$limits)) } "append", "overwrite", "lmdb_1", "lmdb_5", "lmdb_25", "p256_verify",
	    "p256_sign";
}

# -- several runs beside each other ----------------------------------------------------------------------------

# KEY, RESULTS of each run: the medians.
sub each_of {
	my ($key, @runs) = @_;
	return join " ", map { short(scalar of($key, @$_)) } @runs;
}

# Each of a run: [LIMITS of each round, RESULTS of each round].  Figures of the runs in their order; -: none.
sub runs_line {
	my ($name, @runs) = @_;
	my @good = map { [grep { !$_->{fault} } @{$_->[1]}] } @runs;
	my ($kind) = map { (figure($_))[1] // () } map { @$_ } @good;
	return sprintf "    %-10s -  (%s)\n", $name, join("; ", map { $_->{fault} // () } map { @{$_->[1]} } @runs) unless defined $kind;
	my @said = each_of($kind, @good) . $unit{$kind};
	push @said, join(" ", map { short(scalar in_appends($_->[0], @{$_->[1]})) } @runs) . " F" if $kind eq "rate";
	for my $column (@columns) {
		my @seen = grep { ($_->{$column->[0]} // 0) >= 0.005 } map { @$_ } @good;
		push @said, sprintf $column->[1], each_of($column->[0], @good) if @seen;
	}
	my $failed = grep { $_->{fault} } map { @{$_->[1]} } @runs;
	return sprintf "    %-10s %s%s\n", $name, join(", ", @said), $failed ? "  ($failed failed)" : "";
}

# Of a row, and of each run: { SIDE => [LIMITS of each round, RESULTS of each round] }.
sub runs_table {
	my ($row, @runs) = @_;
	my %sides = map { %$_ } @runs;
	my @names = ((grep { exists $sides{$_} } "this"), sort grep { $_ ne "this" } keys %sides);
	my $text = "$row\n";
	for my $name (@names) { $text .= runs_line($name, map { $_->{$name} // [[], []] } @runs) }
	for my $name (@names[1 .. $#names]) {
		my @x = map { scalar median(ratios($_->{$names[0]}[1] // [], $_->{$name}[1] // [])) } @runs;
		$text .= sprintf "    %-10s %s x: how much faster %s is than %s\n", "", join(" ", map { short($_) } @x), $names[0], $name;
	}
	my @limits = map { $_->{$names[0]}[0] // [] } @runs;
	return $text . sprintf "    %-10s F %s/s, F' %s/s, bare LMDB %s, %s, %s/s at 1, 5, 25 a commit, P-256: verify %s us\n",
	    "beside it", map { each_of($_, @limits) } "append", "overwrite", "lmdb_1", "lmdb_5", "lmdb_25", "p256_verify";
}

1;
