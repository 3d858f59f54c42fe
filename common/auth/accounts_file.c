/* accounts_file — reads and writes the form of the accounts file; see accounts.h. */
#include "common/auth/accounts_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/base64.h"
#include "common/base/guard.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/base/utf8.h"
#include "common/conf/conf_keys.h"

#define MAGIC     "tillcalled-accounts"
#define SCHEME    "scram-sha-256"
#define LOCAL_MAX 64

struct pending { /* an alias whose user is not looked up yet */
	const char *alias, *user;
};

struct parse {
	struct accounts_set *set;
	struct pending *aliases;
	size_t n_aliases, cap_aliases, cap_users, cap_removed;
};

static void *
grown(void *array, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return array;
	*cap = *cap == 0 ? 64 : *cap * 2;
	array = reallocarray(array, *cap, size);
	if (array == NULL)
		abort();
	return array;
}

static bool
is_dot_atom(struct span s)
{
	static const char atext[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "!#$%&'*+-/=?^_`{|}~.";

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\0' ||
		    ((unsigned char)s.p[i] < 0x80 && strchr(atext, s.p[i]) == NULL))
			return false;
		if (s.p[i] == '.' && (i == 0 || i + 1 == s.n || s.p[i + 1] == '.'))
			return false;
	}
	for (size_t i = 0, n; i < s.n; i += n)
		if ((n = utf8_printable(span_sub(s, i, s.n))) == 0)
			return false;
	return s.n > 0 && s.n <= LOCAL_MAX;
}

bool
accounts_file_address(struct span address, char out[ACCOUNTS_ADDRESS_BYTES], struct err *e)
{
	struct span rest = address, local = span_cut(&rest, '@');
	struct domain domain;

	if (RULE(bad_address) &&
	    (local.n == address.n || !is_dot_atom(local) || !domain_set(&domain, rest) ||
		!span_copy(address, out, ACCOUNTS_ADDRESS_BYTES)))
		return err_set(e, REFUSAL_bad_address,
		    "%.*s is no address: write it like anna@example.org",
		    (int)(address.n < 100 ? address.n : 100), address.p);
	for (char *c = out; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c | 0x20);
	return true;
}

/* -- reading --------------------------------------------------------------------------------- */

static bool
is_address(const char *s)
{
	char canonical[ACCOUNTS_ADDRESS_BYTES];
	struct err e;

	return accounts_file_address(span_str(s), canonical, &e) && strcmp(s, canonical) == 0;
}

/* Splits the line into its fields in place.  Returns how many there are; `most` + 1 means more. */
static size_t
fields(char *line, char **field, size_t most)
{
	size_t n = 0;

	for (char *at = line; at != NULL; n++) {
		char *blank = strchr(at, ' ');

		if (n == most)
			return most + 1;
		field[n] = at;
		if (blank != NULL)
			*blank++ = '\0';
		at = blank;
	}
	return n;
}

/* 0 is written as no number at all. */
static bool
parse_generation(const char *s, uint64_t *out)
{
	return span_u64(span_str(s), out) && *out > 0;
}

static bool
parse_removed(struct parse *p, char **f, size_t n)
{
	struct accounts_set *s = p->set;
	struct account_removed r = { 0 };
	uint64_t until = 0;

	if (n != 4 || !is_address(f[1]) || !span_u64(span_str(f[2]), &r.generation) ||
	    !span_u64(span_str(f[3]), &until) || until > INT64_MAX)
		return false;
	r.address = f[1];
	r.until_s = (int64_t)until;
	s->removed = grown(s->removed, s->n_removed, &p->cap_removed, sizeof *s->removed);
	s->removed[s->n_removed++] = r;
	return true;
}

static bool
parse_user(struct parse *p, char **f, size_t n)
{
	struct accounts_set *s = p->set;
	struct account a = { 0 };
	uint64_t iterations = 0;

	if ((n != 7 && n != 8) || (n == 8 && !parse_generation(f[7], &a.generation)) ||
	    !is_address(f[1]) || strcmp(f[2], SCHEME) != 0 ||
	    !span_u64(span_str(f[3]), &iterations) || iterations < AUTH_ITERATIONS_MIN ||
	    iterations > AUTH_ITERATIONS_MAX ||
	    !base64_parse_exact(span_str(f[4]), a.keys.salt, sizeof a.keys.salt) ||
	    !base64_parse_exact(span_str(f[5]), a.keys.stored, sizeof a.keys.stored) ||
	    !base64_parse_exact(span_str(f[6]), a.keys.server, sizeof a.keys.server))
		return false;
	a.address = f[1];
	a.keys.iterations = (uint32_t)iterations;
	s->users = grown(s->users, s->n_users, &p->cap_users, sizeof *s->users);
	s->users[s->n_users++] = a;
	return true;
}

static bool
parse_alias(struct parse *p, char **f, size_t n)
{
	if (n != 3 || !is_address(f[1]) || !is_address(f[2]))
		return false;
	p->aliases = grown(p->aliases, p->n_aliases, &p->cap_aliases, sizeof *p->aliases);
	p->aliases[p->n_aliases++] = (struct pending) { f[1], f[2] };
	return true;
}

static bool
parse_line(struct parse *p, char *line, size_t number)
{
	char *f[8] = { line };
	size_t n = fields(line, f, 8);

	if (number == 1)
		return n == 3 && strcmp(f[0], MAGIC) == 0 && strcmp(f[1], "1") == 0 &&
		    base64_parse_exact(span_str(f[2]), p->set->secret, AUTH_KEY_BYTES);
	if (strcmp(f[0], "user") == 0)
		return parse_user(p, f, n);
	if (strcmp(f[0], "removed") == 0)
		return parse_removed(p, f, n);
	return strcmp(f[0], "alias") == 0 && parse_alias(p, f, n);
}

static int
by_user(const void *a, const void *b)
{
	return strcmp(((const struct account *)a)->address, ((const struct account *)b)->address);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct accounts_name *)a)->address,
	    ((const struct accounts_name *)b)->address);
}

static int
by_generation(const void *a, const void *b)
{
	const struct account_removed *x = a, *y = b;
	int order = strcmp(x->address, y->address);

	return order != 0 ? order
			  : (x->generation > y->generation) - (x->generation < y->generation);
}

/* One generation of an address is either a user or a removed user. */
static bool
check_removed(struct accounts_set *s, struct err *e)
{
	if (s->n_removed > 0)
		qsort(s->removed, s->n_removed, sizeof *s->removed, by_generation);
	for (size_t i = 0; i < s->n_removed; i++) {
		const struct account_removed *r = &s->removed[i];
		const struct account *a = accounts_find(s, span_str(r->address));

		if ((i > 0 && by_generation(r - 1, r) == 0) ||
		    (a != NULL && strcmp(a->address, r->address) == 0 &&
			a->generation == r->generation))
			return err_set(e, REFUSAL_config,
			    "generation %" PRIu64 " of %s appears twice", r->generation,
			    r->address);
	}
	return true;
}

/* Returns the owner.  If that is not the address itself, writes it at *at, which advances. */
static const char *
owner_at(char **at, const char *address, uint64_t generation)
{
	const char *owner = *at;

	if (generation == 0)
		return address;
	accounts_owner(address, generation, *at);
	*at += strlen(*at) + 1;
	return owner;
}

static void
name_owners(struct accounts_set *s)
{
	size_t room = ACCOUNTS_OWNER_BYTES;
	char *at;

	for (size_t i = 0; i < s->n_users; i++)
		room += strlen(s->users[i].address) + 22; /* a blank, 20 digits, NUL */
	for (size_t i = 0; i < s->n_removed; i++)
		room += strlen(s->removed[i].address) + 22;
	at = s->owners = memory_array(room, 1);
	for (size_t i = 0; i < s->n_users; i++)
		s->users[i].owner = owner_at(&at, s->users[i].address, s->users[i].generation);
	for (size_t i = 0; i < s->n_removed; i++)
		s->removed[i].owner = owner_at(&at, s->removed[i].address,
		    s->removed[i].generation);
}

/* Makes one sorted list of the names of users and aliases, then each user's own list. */
static bool
join(struct parse *p, struct err *e)
{
	struct accounts_set *s = p->set;
	const char **at;

	if (s->n_users > 0)
		qsort(s->users, s->n_users, sizeof *s->users, by_user);
	s->n_names = s->n_users + p->n_aliases;
	s->names = memory_array(s->n_names + 1, sizeof *s->names);
	s->lists = memory_array(s->n_names + 1, sizeof *s->lists);
	for (size_t i = 0; i < s->n_users; i++)
		s->names[i] = (struct accounts_name) { s->users[i].address, i };
	for (size_t i = 0; i < p->n_aliases; i++) {
		struct account key = { .address = p->aliases[i].user };
		struct account *u = s->n_users == 0
		    ? NULL
		    : bsearch(&key, s->users, s->n_users, sizeof *s->users, by_user);

		if (u == NULL)
			return err_set(e, REFUSAL_config, "alias %s is of nobody",
			    p->aliases[i].alias);
		if (++u->n_addresses > ACCOUNTS_ALIASES_MAX)
			return err_set(e, REFUSAL_config, "%s has more than %d aliases", u->address,
			    ACCOUNTS_ALIASES_MAX);
		s->names[s->n_users + i] = (struct accounts_name) { p->aliases[i].alias,
			(size_t)(u - s->users) };
	}
	qsort(s->names, s->n_names, sizeof *s->names, by_name);
	for (size_t i = 1; i < s->n_names; i++)
		if (strcmp(s->names[i - 1].address, s->names[i].address) == 0)
			return err_set(e, REFUSAL_config, "%s appears twice", s->names[i].address);
	at = s->lists;
	for (size_t i = 0; i < s->n_users; i++) {
		s->users[i].addresses = at;
		at += s->users[i].n_addresses + 1;
		s->users[i].n_addresses = 1;
		s->lists[s->users[i].addresses - s->lists] = s->users[i].address;
	}
	for (size_t i = 0; i < s->n_names; i++) {
		struct account *u = &s->users[s->names[i].user];

		if (strcmp(s->names[i].address, u->address) != 0)
			s->lists[(size_t)(u->addresses - (const char *const *)s->lists) +
			    u->n_addresses++] = s->names[i].address;
	}
	return true;
}

static bool
parse_lines(struct parse *p, struct err *e)
{
	struct buf *text = &p->set->text;
	size_t number = 0;
	char *end;

	if (text->len > 0 && memchr(text->data, '\0', text->len) != NULL)
		return err_set(e, REFUSAL_config, "a NUL octet");
	for (char *line = text->data; line < text->data + text->len; line = end + 1) {
		end = memchr(line, '\n', (size_t)(text->data + text->len - line));
		number++;
		if (end == NULL)
			return err_set(e, REFUSAL_config, "line %zu has no end", number);
		*end = '\0';
		if (!parse_line(p, line, number))
			return err_set(e, REFUSAL_config, "line %zu is malformed", number);
	}
	return number > 0 || err_set(e, REFUSAL_config, "it is empty");
}

bool
accounts_file_parse_take(struct buf *text, struct accounts_set **out, struct err *e)
{
	struct parse p = { 0 };
	bool ok;

	p.set = memory_new(sizeof *p.set);
	atomic_init(&p.set->references, 1);
	p.set->text = *text;
	*text = (struct buf)BUF_INIT;
	ok = parse_lines(&p, e) && join(&p, e) && check_removed(p.set, e);
	if (ok)
		name_owners(p.set);
	free(p.aliases);
	if (ok)
		*out = p.set;
	else
		accounts_set_put(&p.set);
	return ok;
}

static bool
read_all(int fd, const struct stat *st, struct buf *text, struct err *e)
{
	ssize_t n = 0;

	if (st->st_size > ACCOUNTS_FILE_BYTES)
		return err_set(e, REFUSAL_config, "it is larger than %d octets",
		    ACCOUNTS_FILE_BYTES);
	while (text->len <= ACCOUNTS_FILE_BYTES && (n = read(fd, buf_room(text, 65536), 65536)) > 0)
		text->len += (size_t)n;
	return n == 0 || err_set_errno(e, REFUSAL_config, errno, "it cannot be read");
}

bool
accounts_file_read(const char *path, struct accounts_set **out, bool *there, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct buf text = BUF_INIT;
	struct stat st;
	unsigned char secret[AUTH_KEY_BYTES];
	bool ok;

	*there = fd >= 0;
	if (fd < 0 && errno != ENOENT)
		return err_set_errno(e, REFUSAL_config, errno, "%s", path);
	if (fd < 0) {
		random_bytes(secret, sizeof secret);
		accounts_file_header(secret, &text);
		ok = accounts_file_parse_take(&text, out, e);
		if (ok)
			(*out)->missing = true;
		return ok;
	}
	ok = guard_fd(GUARD_ACCOUNTS, fd, path, NULL, e);
	if (ok &&
	    !(ok = fstat(fd, &st) == 0 && read_all(fd, &st, &text, e) &&
		    accounts_file_parse_take(&text, out, e)))
		err_prefix(e, "%s", path);
	close(fd);
	buf_clear(&text);
	return ok;
}

/* -- writing --------------------------------------------------------------------------------- */

void
accounts_file_header(const unsigned char secret[AUTH_KEY_BYTES], struct buf *out)
{
	buf_addf(out, MAGIC " 1 ");
	base64_add(out, secret, AUTH_KEY_BYTES);
	buf_addf(out, "\n");
}

void
accounts_file_user(const char *address, const struct auth_keys *k, uint64_t generation,
    struct buf *out)
{
	buf_addf(out, "user %s " SCHEME " %u ", address, k->iterations);
	base64_add(out, k->salt, sizeof k->salt);
	buf_addf(out, " ");
	base64_add(out, k->stored, sizeof k->stored);
	buf_addf(out, " ");
	base64_add(out, k->server, sizeof k->server);
	if (generation > 0)
		buf_addf(out, " %" PRIu64, generation);
	buf_addf(out, "\n");
}

void
accounts_file_removed(const char *address, uint64_t generation, int64_t until_s, struct buf *out)
{
	buf_addf(out, "removed %s %" PRIu64 " %" PRId64 "\n", address, generation, until_s);
}

void
accounts_file_alias(const char *alias, const char *user, struct buf *out)
{
	buf_addf(out, "alias %s %s\n", alias, user);
}
