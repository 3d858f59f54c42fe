/* sendmail_args — the arguments of sendmail(8); see sendmail_args.h. */
#include "mc/sendmail_args.h"

#include <string.h>

#define VALUED  "fFrBNRVhLOpXC" /* the next argument, where nothing is joined */
#define JOINED  "Adeoq"         /* with what is joined, which may be nothing */
#define LETTERS "imnGUvt"

static bool
set_mode(struct sendmail_args *a, const char *value, struct err *e)
{
	switch (*value) {
	case 'm':
		a->mode = SENDMAIL_SEND;
		break;
	case 's':
		a->mode = SENDMAIL_SMTP;
		break;
	case 'p':
		a->mode = SENDMAIL_MAILQ;
		break;
	case 'i':
		a->mode = SENDMAIL_NEWALIASES;
		break;
	default:
		return err_set(e, REFUSAL_usage, "-b%s is not served here", value);
	}
	return value[1] == '\0' || err_set(e, REFUSAL_usage, "-b%s is no mode", value);
}

static void
take_value(struct sendmail_args *a, char letter, const char *value)
{
	if (letter == 'f' || letter == 'r')
		a->from = value;
	else if (letter == 'F')
		a->name = value;
	else if (letter == 'o' && strcmp(value, "i") == 0)
		a->dots_stay = true;
	else if (letter == 'q')
		a->mode = SENDMAIL_FLUSH;
}

static void
take_letter(struct sendmail_args *a, char letter)
{
	a->from_header |= letter == 't';
	a->dots_stay |= letter == 'i';
}

/* One argument that begins with "-"; *used: the next one was its value. */
static bool
take_option(struct sendmail_args *a, const char *word, const char *next, bool *used, struct err *e)
{
	*used = false;
	for (const char *c = word + 1; *c != '\0'; c++) {
		if (*c == 'b')
			return set_mode(a, c + 1, e);
		if (strchr(JOINED, *c) != NULL) {
			take_value(a, *c, c + 1);
			return true;
		}
		if (strchr(VALUED, *c) != NULL) {
			*used = c[1] == '\0';
			if (*used && next == NULL)
				return err_set(e, REFUSAL_usage, "-%c needs a value", *c);
			take_value(a, *c, *used ? next : c + 1);
			return true;
		}
		if (strchr(LETTERS, *c) == NULL)
			return err_set(e, REFUSAL_usage, "unknown option %s", word);
		take_letter(a, *c);
	}
	return true;
}

bool
sendmail_args_parse(struct sendmail_args *a, const char **to, char *const *argv, struct err *e)
{
	bool used;

	*a = (struct sendmail_args) { .to = to };
	for (; *argv != NULL; argv++) {
		if (strcmp(*argv, "--") == 0)
			break;
		if (**argv != '-' || (*argv)[1] == '\0') {
			a->to[a->n_to++] = *argv;
			continue;
		}
		if (!take_option(a, *argv, argv[1], &used, e))
			return false;
		argv += used;
	}
	for (argv += *argv != NULL; *argv != NULL; argv++)
		a->to[a->n_to++] = *argv;
	return true;
}
