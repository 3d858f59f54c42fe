/* config — mc.conf; see config.h. */
#include "mc/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/file.h"
#include "common/base/nearest.h"

enum kind { TEXT, YESNO };

static const struct key {
	const char *name;
	enum kind kind;
	size_t at;
} keys[] = {
	{ "address", TEXT, offsetof(struct config, address) },
	{ "password-file", TEXT, offsetof(struct config, password_file) },
	{ "resolver", TEXT, offsetof(struct config, resolver) },
	{ "trust", TEXT, offsetof(struct config, trust) },
	{ "crls", TEXT, offsetof(struct config, crls) },
	{ "allow-private-peers", YESNO, offsetof(struct config, allow_private) },
};

#define KEYS (sizeof keys / sizeof keys[0])

/* -- where ------------------------------------------------------------------------------------- */

static bool
check_choice(const struct config_choice *which, struct err *e)
{
	static const char in_names[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789-_.";
	const char *name = which->name;

	if (name == NULL)
		return true;
	if (which->file != NULL)
		return err_set(e, REFUSAL_usage,
		    "-C and -A both choose an account: give one of them");
	if (name[0] == '\0' || name[0] == '.' || strspn(name, in_names) != strlen(name))
		return err_set(e, REFUSAL_usage,
		    "\"%s\" is not a name of an account: use letters, digits, \"-\", \"_\" and \".\"",
		    name);
	return true;
}

static bool
find_file(char out[CONFIG_VALUE_BYTES], const struct config_choice *which, struct err *e)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	const char *option = which->file, *name = which->name != NULL ? which->name : "mc";
	char here[CONFIG_VALUE_BYTES];
	int n;

	if (!check_choice(which, e))
		return false;
	if (option != NULL && option[0] != '/' && getcwd(here, sizeof here) == NULL)
		return err_set_errno(e, REFUSAL_config, errno, "the current folder");
	if (option != NULL)
		n = snprintf(out, CONFIG_VALUE_BYTES, "%s%s%s", option[0] != '/' ? here : "",
		    option[0] != '/' ? "/" : "", option);
	else if (xdg != NULL && xdg[0] == '/')
		n = snprintf(out, CONFIG_VALUE_BYTES, "%s/tillcalled/%s.conf", xdg, name);
	else if (home != NULL && home[0] == '/')
		n = snprintf(out, CONFIG_VALUE_BYTES, "%s/.config/tillcalled/%s.conf", home, name);
	else
		return err_set(e, REFUSAL_config, "neither XDG_CONFIG_HOME nor HOME is set");
	return n < CONFIG_VALUE_BYTES ||
	    err_set(e, REFUSAL_config, "the path of %s.conf is too long", name);
}

/* "password" beside mc.conf, NAME.password beside any other NAME or NAME.conf. */
static bool
find_password_file(struct config *c, struct err *e)
{
	const char *slash = strrchr(c->file, '/'), *name = slash == NULL ? c->file : slash + 1;
	size_t n = strlen(c->file);
	bool usual = strcmp(name, "mc.conf") == 0;

	if (usual)
		n -= strlen("mc.conf");
	else if (n > strlen(".conf") && strcmp(c->file + n - strlen(".conf"), ".conf") == 0)
		n -= strlen(".conf");
	if (snprintf(c->password_file, sizeof c->password_file, "%.*s%spassword", (int)n, c->file,
		usual ? "" : ".") >= (int)sizeof c->password_file)
		return err_set(e, REFUSAL_config, "the path of %s is too long", name);
	return true;
}

static bool
take_variable(char *out, const char *name, struct err *e)
{
	const char *value = getenv(name);

	return value == NULL || value[0] == '\0' ||
	    snprintf(out, CONFIG_VALUE_BYTES, "%s", value) < CONFIG_VALUE_BYTES ||
	    err_set(e, REFUSAL_config, "%s is too long", name);
}

/* The environment overrides the file. */
static bool
from_environment(struct config *c, struct err *e)
{
	const char *private = getenv("TILLCALLED_ALLOW_PRIVATE");

	if (private != NULL && private[0] != '\0')
		c->allow_private = strcmp(private, "1") == 0;
	return take_variable(c->resolver, "TILLCALLED_RESOLVER", e) &&
	    take_variable(c->trust, "TILLCALLED_TRUST", e) &&
	    take_variable(c->crls, "TILLCALLED_CRLS", e);
}

bool
config_begin(struct config *c, const struct config_choice *which, struct err *e)
{
	*c = (struct config) { .allow_private = false };
	snprintf(c->resolver, sizeof c->resolver, "%s", CONFIG_RESOLVER_DEFAULT);
	snprintf(c->trust, sizeof c->trust, "%s", CONFIG_TRUST_DEFAULT);
	return find_file(c->file, which, e) && find_password_file(c, e) && from_environment(c, e);
}

/* -- reading ----------------------------------------------------------------------------------- */

/* value = DQUOTE *( char / "\" char ) DQUOTE, then nothing or a comment */
static bool
parse_text(struct span s, char *out)
{
	size_t n = 0, i = 1;

	if (s.n < 2 || s.p[0] != '"')
		return false;
	for (; i < s.n && s.p[i] != '"'; i++) {
		if (s.p[i] == '\\' && ++i == s.n)
			return false;
		if (n == CONFIG_VALUE_BYTES - 1 || s.p[i] == '\0')
			return false;
		out[n++] = s.p[i];
	}
	if (i >= s.n)
		return false; /* the quote stays open */
	out[n] = '\0';
	s = span_trim(span_sub(s, i + 1, s.n));
	return s.n == 0 || s.p[0] == '#';
}

static bool
parse_yesno(struct span s, bool *out)
{
	s = span_trim(span_cut(&s, '#'));
	*out = span_eq(s, SPAN_LIT("true"));
	return *out || span_eq(s, SPAN_LIT("false"));
}

static const struct key *
key_named(struct span name)
{
	for (size_t i = 0; i < KEYS; i++)
		if (span_eq(name, span_str(keys[i].name)))
			return &keys[i];
	return NULL;
}

static bool
unknown_key(const struct config *c, unsigned line, struct span name, struct err *e)
{
	struct nearest guess;

	nearest_init(&guess, name);
	for (size_t i = 0; i < KEYS; i++)
		nearest_offer(&guess, keys[i].name);
	return err_set(e, REFUSAL_config, "%s:%u: no key \"%.*s\"%s%s", c->file, line,
	    SPAN_FMT(span_sub(name, 0, 64)), guess.best != NULL ? "; did you mean " : "",
	    guess.best != NULL ? guess.best : "");
}

static bool
parse_line(struct config *c, struct span text, unsigned line, bool seen[KEYS], struct err *e)
{
	struct span value = text, name;
	const struct key *k;
	bool ok;

	if (text.n == 0 || text.p[0] == '#')
		return true;
	name = span_trim(span_cut(&value, '='));
	value = span_trim(value);
	k = key_named(name);
	if (k == NULL)
		return unknown_key(c, line, name, e);
	if (seen[k - keys])
		return err_set(e, REFUSAL_config, "%s:%u: %s is given a second time", c->file, line,
		    k->name);
	seen[k - keys] = true;
	ok = k->kind == TEXT ? parse_text(value, (char *)c + k->at)
			     : parse_yesno(value, (bool *)((char *)c + k->at));
	return ok ||
	    err_set(e, REFUSAL_config, "%s:%u: write it like  %s = %s", c->file, line, k->name,
		k->kind == TEXT ? "\"...\"" : "true");
}

bool
config_parse(struct config *c, struct span text, struct err *e)
{
	bool seen[KEYS] = { false };
	unsigned line = 0;

	snprintf(c->resolver, sizeof c->resolver, "%s", CONFIG_RESOLVER_DEFAULT);
	snprintf(c->trust, sizeof c->trust, "%s", CONFIG_TRUST_DEFAULT);
	while (text.n > 0)
		if (!parse_line(c, span_trim(span_cut(&text, '\n')), ++line, seen, e))
			return false;
	if (c->address[0] == '\0' || c->password_file[0] == '\0')
		return err_set(e, REFUSAL_config, "%s: %s is missing", c->file,
		    c->address[0] == '\0' ? "address" : "password-file");
	return true;
}

/* `forbidden`: permission bits that the file must not have. */
static bool
read_file(const char *path, mode_t forbidden, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return err_set_errno(e, REFUSAL_config, errno, "%s", path);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > CONFIG_FILE_BYTES ||
	    (st.st_mode & forbidden) != 0 || (st.st_uid != geteuid() && st.st_uid != 0)) {
		close(fd);
		return err_set(e, REFUSAL_config,
		    "others can %s it, or it is no file of yours:  chmod 600 %s",
		    (forbidden & 044) != 0 ? "read" : "change", path);
	}
	n = read(fd, buf_room(out, CONFIG_FILE_BYTES), CONFIG_FILE_BYTES);
	close(fd);
	if (n < 0)
		return err_set_errno(e, REFUSAL_config, errno, "%s", path);
	out->len += (size_t)n;
	return true;
}

bool
config_load(struct config *c, const struct config_choice *which, struct err *e)
{
	struct buf text = BUF_INIT;
	bool ok;

	*c = (struct config) { .allow_private = false };
	if (!find_file(c->file, which, e))
		return false;
	if (access(c->file, F_OK) != 0 && errno == ENOENT)
		return err_set(e, REFUSAL_no_account, "there is no %s", c->file);
	if (access(c->file, F_OK) != 0)
		return err_set_errno(e, REFUSAL_config, errno, "%s", c->file);
	ok = read_file(c->file, 022, &text, e) && config_parse(c, buf_span(&text), e) &&
	    from_environment(c, e);
	buf_clear(&text);
	return ok;
}

bool
config_password(const struct config *c, char out[PASSWORD_BYTES], struct err *e)
{
	struct buf text = BUF_INIT;
	struct span rest, line;
	bool ok;

	if (!read_file(c->password_file, 077, &text, e))
		return false;
	rest = buf_span(&text);
	line = span_trim(span_cut(&rest, '\n'));
	ok = (line.n > 0 && span_copy(line, out, PASSWORD_BYTES)) ||
	    err_set(e, REFUSAL_config, "%s holds no password", c->password_file);
	explicit_bzero(text.data, text.len);
	buf_clear(&text);
	return ok;
}

/* -- writing ----------------------------------------------------------------------------------- */

static bool
write_file(const char *path, struct span text, struct err *e)
{
	char name[CONFIG_VALUE_BYTES + 8];
	int fd;
	bool ok;

	snprintf(name, sizeof name, "%s.XXXXXX", path);
	fd = mkostemp(name, O_CLOEXEC); /* 0600 */
	if (fd < 0)
		return err_set_errno(e, REFUSAL_cannot_write, errno, "%s", path);
	ok = file_write(fd, text) && fsync(fd) == 0;
	ok = close(fd) == 0 && ok && rename(name, path) == 0;
	if (!ok) {
		err_set_errno(e, REFUSAL_cannot_write, errno, "%s", path);
		unlink(name);
	}
	return ok;
}

static void
add_value(struct buf *b, const char *key, const char *value)
{
	buf_addf(b, "%s = \"", key);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			buf_add(b, "\\", 1);
		buf_add(b, value, 1);
	}
	buf_add(b, "\"\n", 2);
}

bool
config_save(const struct config *c, const char *password, struct err *e)
{
	struct buf conf = BUF_INIT, secret = BUF_INIT;
	bool ok;

	for (size_t i = 0; i < KEYS; i++)
		if (keys[i].kind == TEXT)
			add_value(&conf, keys[i].name, (const char *)c + keys[i].at);
		else
			buf_addf(&conf, "%s = %s\n", keys[i].name,
			    *(const bool *)((const char *)c + keys[i].at) ? "true" : "false");
	buf_addf(&secret, "%s\n", password);
	ok = file_make_parents(c->file, 0700, e) && file_make_parents(c->password_file, 0700, e) &&
	    write_file(c->password_file, buf_span(&secret), e) &&
	    write_file(c->file, buf_span(&conf), e);
	explicit_bzero(secret.data, secret.len);
	buf_clear(&conf);
	buf_clear(&secret);
	return ok;
}
