/* password — where a password is read from; see password.h. */
#include "common/auth/password.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "common/auth/auth_private.h"
#include "common/base/guard.h"

/* Reads up to the end of the line or of the file; a NUL is refused. */
static bool
read_line(int fd, char out[PASSWORD_BYTES], const char *what, struct err *e)
{
	size_t n = 0;
	ssize_t got;
	char c;

	while ((got = read(fd, &c, 1)) == 1 && c != '\n') {
		if (c == '\0' || n == PASSWORD_BYTES - 1) {
			password_wipe(out);
			return err_set(e, REFUSAL_usage,
			    "%s: the password is longer than %d octets or "
			    "holds a NUL",
			    what, PASSWORD_BYTES - 1);
		}
		out[n++] = c;
	}
	if (n > 0 && out[n - 1] == '\r')
		n--;
	out[n] = '\0';
	if (got < 0) {
		password_wipe(out);
		return err_set_errno(e, REFUSAL_no_input, errno, "%s", what);
	}
	return n > 0 || err_set(e, REFUSAL_usage, "%s: the password is empty", what);
}

static bool
from_file(const char *path, char out[PASSWORD_BYTES], struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return err_set_errno(e, REFUSAL_no_input, errno, "%s", path);
	ok = (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) || /* only we can read a pipe of ours */
	    guard_fd(GUARD_PASSWORD, fd, path, NULL, e);
	ok = ok && read_line(fd, out, path, e);
	close(fd);
	return ok;
}

static volatile sig_atomic_t caught;

static void
on_signal(int number)
{
	caught = number;
}

/* The terminal echoes again before anything else happens, whatever ends the input. */
static bool
typed(const char *prompt, char out[PASSWORD_BYTES], struct err *e)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
	struct sigaction act = { .sa_handler = on_signal }, old[5];
	struct termios normal, silent;
	bool ok;

	if (tcgetattr(STDIN_FILENO, &normal) < 0)
		return err_set_errno(e, REFUSAL_no_input, errno, "the terminal");
	caught = 0;
	for (size_t i = 0; i < 5; i++)
		sigaction(signals[i], &act, &old[i]);
	silent = normal;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	fprintf(stderr, "%s: ", prompt);
	fflush(stderr);
	ok = read_line(STDIN_FILENO, out, "terminal", e);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &normal);
	fputs("\n", stderr);
	for (size_t i = 0; i < 5; i++)
		sigaction(signals[i], &old[i], NULL);
	if (caught != 0) {
		password_wipe(out);
		raise(caught);
	}
	return ok;
}

bool
password_read(const char *prompt, bool twice, char out[PASSWORD_BYTES], struct err *e)
{
	const char *file = getenv(PASSWORD_FILE_VARIABLE);
	char again[PASSWORD_BYTES] = "";
	bool same;

	memset(out, 0, PASSWORD_BYTES);
	if (file != NULL && *file != '\0')
		return from_file(file, out, e);
	if (!isatty(STDIN_FILENO))
		return read_line(STDIN_FILENO, out,
		    "standard input, no terminal (" PASSWORD_FILE_VARIABLE "=FILE does it, too)",
		    e);
	if (!typed(prompt, out, e))
		return false;
	if (!twice)
		return true;
	same = typed("The same again", again, e) && strcmp(out, again) == 0;
	password_wipe(again);
	if (same)
		return true;
	password_wipe(out);
	return err_set(e, REFUSAL_usage, "the two passwords differ");
}

bool
password_is_fit(const char *password, struct err *e)
{
	char *prepared;
	size_t n = 0, blanks = 0;

	if (!auth_prepare(span_str(password), &prepared, e))
		return false;
	for (const char *c = prepared; *c != '\0'; c++) {
		n += ((unsigned char)*c & 0xc0) != 0x80; /* not within a character of UTF-8 */
		blanks += *c == ' ';
	}
	explicit_bzero(prepared, strlen(prepared));
	free(prepared);
	if (n < PASSWORD_LEAST)
		return err_set(e, REFUSAL_usage,
		    "the password has fewer than %d characters; choose a longer one",
		    PASSWORD_LEAST);
	return blanks < n ||
	    err_set(e, REFUSAL_usage,
		"the password contains blanks only; choose one with other characters");
}

void
password_wipe(char p[PASSWORD_BYTES])
{
	explicit_bzero(p, PASSWORD_BYTES);
}
