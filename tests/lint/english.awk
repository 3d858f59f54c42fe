# english — seven turns of phrase that make a reader stop: comments, messages and manuals do without them.
#
#  1  "stands in" for is in, "it stands"          5  "is had", "are to be had"
#  2  "behind" for after                          6  "is of its form", "not of this form"
#  3  "so long" for while, or for this long       7  "what is said is told": a chain of passives
#  4  "who" for whoever: "for who asks", "Who asks waits."
function found(n, what) { printf "%s:%d: %s (%d): %s\n", FILENAME, FNR, what, n, $0; bad = 1 }
FILENAME ~ /\.md$/ && /^```/ { fenced = !fenced; next }
FNR == 1 { fenced = 0 }
fenced { next }
{
	s = tolower($0)
	if (s ~ /(^|[^a-z_])(stands|stood|stand) (in|on|there|here|at|for|by|behind|before|beside|with)([^a-z_]|$)/ || s ~ /(^|[^a-z_])there stands? /) found(1, "stands")
	if (s ~ /(^|[^a-z_])behind([^a-z_]|$)/) found(2, "behind")
	if (s ~ /(^|[^a-z_])so long([^a-z_]|$)/) found(3, "so long")
	if (s ~ /(^|[^a-z_])(for|of|to|by|from|with) who [a-z]/ || $0 ~ /(^|[.;:*] +|\/\* )Who [a-z]+,? [a-z]+[^?]*$/) found(4, "who")
	if (s ~ /(^|[^a-z_])(is|are|was|were|be|been) had([^a-z_]|$)/) found(5, "had")
	if (s ~ /of (its|their|this|that) (canonical )?form([^a-z_]|$)/) found(6, "of its form")
	if (s ~ /(is|are|was|were|be) (said|told|asked|made|known|done|meant)[ ,]([^.;:()]*[^a-z])?(is|are|was|were|be) (said|told|asked|made|known|done|meant)([^a-z_]|$)/) found(7, "a chain of passives")
}
END { exit bad }
