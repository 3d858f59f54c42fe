/* control — both ends of the socket; the daemon's on a thread of its own. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/daemon/control.h"
#include "common/loop/loop.h"
#include "tests/skip.h"
#include "tests/temp.h"

static char dir[64], path[96];

struct world {
	struct loop *loop;
	struct control *control;
	pthread_t thread;
	struct control_request *held; /* by `hold`, until `release` */
	int left;                     /* lines that `many` still owes */
	atomic_uint lines, gone, holds;
};

static struct world w;

static void
do_echo(void *role, struct control_request *r, const struct json *request)
{
	struct json *o = json_new();

	assert_ptr_equal(role, &w);
	json_put_str(o, "said", json_get_str(request, "say"));
	control_line_take(r, o);
	control_end(r, NULL);
}

static void
do_fail(void *role, struct control_request *r, const struct json *request)
{
	struct err e;

	(void)role;
	(void)request;
	err_set(&e, REFUSAL_unknown_id, "no letter of that id");
	control_end(r, &e);
}

static void
do_hold(void *role, struct control_request *r, const struct json *request)
{
	(void)role;
	(void)request;
	w.held = r;
	atomic_fetch_add(&w.holds, 1);
}

static void
do_release(void *role, struct control_request *r, const struct json *request)
{
	(void)role;
	(void)request;
	if (w.held != NULL) {
		control_line_take(w.held, json_new());
		control_end(w.held, NULL);
		w.held = NULL;
	}
	control_end(r, NULL);
}

static void
many_more(struct control_request *r, void *arg)
{
	(void)arg;
	while (w.left > 0 && !control_full(r) && !control_gone(r)) {
		struct json *o = json_new();

		json_put_int(o, "left", --w.left);
		json_put_str(o, "padding",
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
		control_line_take(r, o);
		atomic_fetch_add(&w.lines, 1);
	}
	if (control_gone(r))
		atomic_fetch_add(&w.gone, 1);
	if (w.left == 0 || control_gone(r))
		control_end(r, NULL);
	else
		control_again(r, many_more, NULL);
}

static void
do_many(void *role, struct control_request *r, const struct json *request)
{
	(void)role;
	(void)request;
	w.left = 50000;
	many_more(r, NULL);
}

static const struct control_verb first_verbs[] = { { "echo", do_echo }, { NULL, NULL } };
static const struct control_verb verbs[] = {
	{ "fail", do_fail },
	{ "hold", do_hold },
	{ "release", do_release },
	{ "many", do_many },
	{ NULL, NULL },
};

static void *
serve(void *arg)
{
	(void)arg;
	loop_run(w.loop);
	return NULL;
}

static int
start(void **state)
{
	struct err e;

	(void)state;
	memset(&w, 0, sizeof w);
	temp_name(dir, sizeof dir, "control.XXXXXX");
	snprintf(path, sizeof path, "%s/sock", mkdtemp(dir));
	if (!loop_new(&w.loop, &e) || !control_new(w.loop, path, &w.control, &e))
		return -1;
	control_add(w.control, first_verbs, &w);
	control_add(w.control, verbs, &w);
	control_serve(w.control);
	return pthread_create(&w.thread, NULL, serve, NULL);
}

static int
stop(void **state)
{
	char command[128];

	(void)state;
	loop_stop(w.loop);
	pthread_join(w.thread, NULL);
	control_free(&w.control);
	assert_int_equal(access(path, F_OK), -1);
	loop_drain(w.loop);
	loop_free(&w.loop);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

struct heard {
	int lines, most;
	char last[256];
};

static bool
hear(void *arg, const struct json *line)
{
	struct heard *h = arg;
	const char *said = json_get_str(line, "said");

	h->lines++;
	snprintf(h->last, sizeof h->last, "%s", said != NULL ? said : "");
	return h->most == 0 || h->lines < h->most;
}

static bool
call(const char *verb, const char *say, struct heard *h, struct err *e)
{
	struct json *o = json_new();
	bool ok;

	json_put_str(o, "verb", verb);
	json_put_str(o, "say", say);
	ok = control_call(path, o, hear, h, e);
	json_free(&o);
	return ok;
}

static void
answers(void **state)
{
	struct heard h = { 0 };
	struct err e;
	struct stat st;

	(void)state;
	assert_true(call("echo", "hello", &h, &e));
	assert_int_equal(h.lines, 1);
	assert_string_equal(h.last, "hello");
	assert_false(call("fail", "", &h, &e));
	assert_int_equal(e.why, REFUSAL_unknown_id);
	assert_string_equal(e.text, "no letter of that id");
	assert_false(call("frob", "", &h, &e));
	assert_int_equal(e.why, REFUSAL_unknown_verb);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
long_answer(void **state)
{
	struct heard h = { 0 };
	struct err e;

	(void)state;
	assert_true(call("many", "", &h, &e));
	assert_int_equal(h.lines, 50000);
}

static void
reader_leaves(void **state)
{
	struct heard h = { .most = 3 };
	struct err e;

	(void)state;
	assert_true(call("many", "", &h, &e));
	assert_int_equal(h.lines, 3);
	for (int i = 0; i < 500 && atomic_load(&w.gone) == 0; i++)
		usleep(10000);
	assert_int_equal(atomic_load(&w.gone), 1);
	assert_in_range(atomic_load(&w.lines), 1, 49999);
}

static int
dial(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval patience = { 5, 0 };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	return fd;
}

/* Sends raw octets and takes all that comes until the daemon closes or `want` is in it. */
static void
talk(int fd, const char *text, size_t n, const char *want, char out[4096])
{
	size_t got = 0;
	ssize_t k;

	if (send(fd, text, n, MSG_NOSIGNAL) < 0)
		assert_true(errno == EPIPE || errno == ECONNRESET);
	out[0] = '\0';
	while (got < 4095 && (want == NULL || strstr(out, want) == NULL) &&
	    (k = recv(fd, out + got, 4095 - got, 0)) > 0) {
		got += (size_t)k;
		out[got] = '\0';
	}
}

static void
raw(void **state)
{
	static const char two[] =
	    "{\"verb\":\"echo\",\"say\":\"1\"}\n{\"verb\":\"echo\",\"say\":\"2\"}\n";
	char out[4096], *big = malloc(CONTROL_LINE_BYTES + 2);
	int fd = dial();

	(void)state;
	talk(fd, two, sizeof two - 1, "\"2\"}\n{\"done\":true}\n", out);
	assert_string_equal(out,
	    "{\"said\":\"1\"}\n{\"done\":true}\n{\"said\":\"2\"}\n{\"done\":true}\n");
	talk(fd, "{\"verb\":", 8, "", out); /* in pieces */
	talk(fd, "\"fail\"}\n", 8, "}}\n", out);
	assert_non_null(strstr(out, "{\"error\":{\"code\":\"unknown-id\""));
	talk(fd, "rubbish\n", 8, NULL, out); /* and then it closes */
	assert_non_null(strstr(out, "bad-syntax"));
	close(fd);

	memset(big, ' ', CONTROL_LINE_BYTES + 2);
	memcpy(big, "{\"verb\":\"fail\"}", 15);
	big[CONTROL_LINE_BYTES] = '\n';
	fd = dial();
	talk(fd, big, CONTROL_LINE_BYTES + 1, "}}\n", out);
	assert_non_null(strstr(out, "unknown-id"));
	big[CONTROL_LINE_BYTES] = ' ';
	talk(fd, big, CONTROL_LINE_BYTES + 2, NULL, out);
	assert_non_null(strstr(out, "line-too-long"));
	close(fd);
	free(big);
}

static void
half_closed(void **state)
{
	char out[4096];
	int fd = dial();

	(void)state;
	assert_int_equal(send(fd, "{\"verb\":\"echo\"}\n", 16, 0), 16);
	shutdown(fd, SHUT_WR);
	talk(fd, "", 0, NULL, out);
	assert_string_equal(out, "{\"said\":null}\n{\"done\":true}\n");
	close(fd);
}

static void
wait_held(unsigned holds)
{
	for (int i = 0; i < 1000 && atomic_load(&w.holds) < holds; i++)
		usleep(10000);
	assert_int_equal(atomic_load(&w.holds), holds);
}

static void
held_and_released(void **state)
{
	struct heard h = { 0 };
	struct err e;
	char out[4096];
	int fd = dial(), lost = dial();

	(void)state;
	talk(fd, "{\"verb\":\"hold\"}\n", 16, "", out);
	wait_held(1);
	assert_true(call("release", "", &h, &e));
	talk(fd, "", 0, "true}\n", out);
	assert_string_equal(out, "{}\n{\"done\":true}\n");
	close(fd);
	talk(lost, "{\"verb\":\"hold\"}\n", 16, "", out);
	wait_held(2);
	close(lost);
	assert_true(call("release", "", &h, &e));
	assert_true(call("echo", "alive", &h, &e));
}

static void
many_clients(void **state)
{
	int fds[CONTROL_CLIENTS_MAX];
	char out[4096];
	struct heard h = { 0 };
	struct err e;
	pid_t pid;
	int status;

	(void)state;
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i] = dial();
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		talk(fds[i], "{\"verb\":\"echo\"}\n", 16, "true}\n", out);
	pid = fork(); /* waits in the kernel's queue until one leaves */
	if (pid == 0) {
		for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
			close(fds[i]);
		_exit(call("echo", "x", &h, &e) ? 0 : 1);
	}
	usleep(100000); /* makes it likely that it is not served */
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	for (int i = 1; i < CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
}

/* Nobody who only holds places keeps an operator out. */
static void
idle_clients_make_room(void **state)
{
	int fds[2 * CONTROL_CLIENTS_MAX];
	struct heard h = { 0 };
	struct err e;

	(void)state;
	for (int i = 0; i < 2 * CONTROL_CLIENTS_MAX; i++)
		fds[i] = dial();
	assert_true(call("echo", "x", &h, &e));
	for (int i = 0; i < 2 * CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
}

static void
others_are_refused(void **state)
{
	struct heard h = { 0 };
	struct err e;
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		SKIP_BECAUSE("only root can be another user");
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(chmod(path, 0666), 0); /* even where the mode would let them */
	pid = fork();
	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		_exit(!call("echo", "x", &h, &e) && h.lines == 0 && e.why != REFUSAL_not_running
			? 0
			: 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
sockets(void **state)
{
	struct control *c = NULL;
	struct heard h = { 0 };
	struct err e;
	struct json *o = json_new();
	char other[104], longer[200];
	int fd;

	(void)state;
	assert_false(control_new(w.loop, path, &c, &e)); /* one runs there */
	assert_int_equal(e.why, REFUSAL_config);
	assert_non_null(strstr(e.text, "runs already"));
	snprintf(other, sizeof other, "%s/other", dir);
	assert_false(control_call(other, o, hear, &h, &e));
	assert_int_equal(e.why, REFUSAL_not_running);
	fd = open(other, O_WRONLY | O_CREAT, 0600);
	close(fd);
	assert_false(control_new(w.loop, other, &c, &e));
	assert_non_null(strstr(e.text, "is no socket"));
	unlink(other);
	{ /* left over by a daemon that died */
		struct sockaddr_un a = { .sun_family = AF_UNIX };

		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		snprintf(a.sun_path, sizeof a.sun_path, "%s", other);
		assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
		close(fd);
	}
	assert_false(control_call(other, o, hear, &h, &e));
	assert_int_equal(e.why, REFUSAL_not_running);
	assert_true(control_new(w.loop, other, &c, &e));
	control_free(&c);
	assert_null(c);
	memset(longer, 'x', sizeof longer);
	longer[0] = '/';
	longer[199] = '\0';
	assert_false(control_new(w.loop, longer, &c, &e));
	assert_int_equal(chmod(dir, 0777), 0);
	assert_false(control_new(w.loop, other, &c, &e));
	assert_non_null(strstr(e.text, "others may write"));
	assert_int_equal(chmod(dir, 0700), 0);
	json_free(&o);
}

#define WITH_WORLD(f) cmocka_unit_test_setup_teardown(f, start, stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(answers),
		WITH_WORLD(long_answer),
		WITH_WORLD(reader_leaves),
		WITH_WORLD(raw),
		WITH_WORLD(half_closed),
		WITH_WORLD(held_and_released),
		WITH_WORLD(many_clients),
		WITH_WORLD(idle_clients_make_room),
		WITH_WORLD(others_are_refused),
		WITH_WORLD(sockets),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
