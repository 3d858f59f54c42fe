# english — seven turns of phrase that make a reader stop: comments, messages and manuals do without them.
#
#  1  "stands", "stood", "stand" for is, lies or waits
#  2  "behind" for after
#  3  "so long" for while, or for this long
#  4  "who" for whoever: "for who asks", "as long as who reads it has it", "Who asks waits.", "who asks"
#     as a whole title of a test
#  5  "is had", "are to be had"
#  6  "is of its form", "not of this form"
#  7  passives: a chain of them, "what is said is told", and a verb at the end, "is by us answered"
BEGIN {
	part = "[a-z]*(ed|en|wn|ld|rd|pt|id|ne|ut|nt|ft|ade)"
	be = "(is|are|was|were|be|been|has been)"
	second = "(is|are|was|were|has|does|did|may|must|can|cannot|will|gets|finds|waits|stays|goes|comes|learns|reads|sees|hears|pays)"
	joint = "(as|than|while|when|where|if|unless|until|because|that|but|also|yet|nor|even|only|for|of|to|by|from|with)"
}
function found(n, what) { printf "%s:%d: %s (%d): %s\n", FILENAME, FNR, what, n, $0; bad = 1 }
FILENAME ~ /\.md$/ && /^```/ { fenced = !fenced; next }
FNR == 1 { fenced = 0 }
fenced { next }
{
	s = tolower($0)
	gsub(/who (the|it|we|they|he|she|you) /, "", s) # a question within a sentence
	if (s ~ /(^|[^a-z_])(stands|stood|stand|standing)([^a-z_]|$)/) found(1, "stands")
	if (s ~ /(^|[^a-z_])behind([^a-z_]|$)/) found(2, "behind")
	if (s ~ /(^|[^a-z_])so long([^a-z_]|$)/) found(3, "so long")
	if (s ~ "(^|[^a-z_])" joint " who [a-z]" || s ~ "(^|[^a-z ]) *who [a-z][a-z' ]*,? " second "([^a-z_]|$)" ||
	    s ~ /^[a-z_]+ "who [a-z]/ || $0 ~ /(^|[.;:*] +|\/\* )Who [a-z]+,? [a-z]+[^?]*$/) found(4, "who")
	if (s ~ /(^|[^a-z_])(is|are|was|were|be|been) had([^a-z_]|$)/) found(5, "had")
	if (s ~ /of (its|their|this|that) (canonical )?form([^a-z_]|$)/) found(6, "of its form")
	if (s ~ /(is|are|was|were|be) (said|told|asked|made|known|done|meant)[ ,]([^.;:()]*[^a-z])?(is|are|was|were|be) (said|told|asked|made|known|done|meant)([^a-z_]|$)/ ||
	    s ~ "(^|[^a-z_])what(ever)? " be " ([a-z]+ )?" part "( [a-z]+)*,? " be " ([a-z]+ )?" part "([^a-z_]|$)") found(7, "a chain of passives")
	if (s ~ "(^|[^a-z_])" be " (by|from|with|for|of|through) ([a-z]+ )?([a-z]+ )?[a-z]+(ed|en|wn|ld)([.;,]|$| [*]/)" ||
	    s ~ "(^|[^a-z_])" be " (by|through) (us|him|her|it|them|whoever|somebody|nobody) ") found(7, "a verb at the end")
}
END { exit bad }
