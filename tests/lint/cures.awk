# cures — what an error tells people to type or to write can be taken as it is.
#
# In the programs' messages no command or line has a word in capitals that people must replace first.  The help of
# commands and options has such words; they are in the tables of */main.c and in rows that begin with "{".
FILENAME !~ /^(common|oms|ims|mc)\/.*\.c$/ || FILENAME ~ /main\.c$/ || /^[ \t]*{ "[a-z-]*", / { next }
{
	text = $0
	while (match(text, /"([^"\\]|\\.)*"/)) {
		s = substr(text, RSTART + 1, RLENGTH - 2); text = substr(text, RSTART + RLENGTH)
		if (s ~ /(:  | write|write |try: |it: |one: |  %s )/ &&
		    s ~ /[ "{<@\/](ADDRESS|NAME|DOMAIN|NUMBER|FILE|DAYS|ID)([^A-Za-z_]|$)/) {
			printf "%s:%d: a cure that cannot be pasted: %s\n", FILENAME, FNR, s; bad = 1
		}
	}
}
END { exit bad }
