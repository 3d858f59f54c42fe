/* conf_file — which file, and its octets; see conf_file.h and conf.h. */
#include "common/conf/conf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/guard.h"
#include "common/conf/conf.h"

const char *
conf_path(const char *option)
{
	const char *named = getenv(CONF_FILE_VARIABLE);

	if (option != NULL)
		return option;
	return named != NULL && *named != '\0' ? named : CONF_FILE_DEFAULT;
}

bool
conf_file_read(const char *path, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = -1;
	bool ok;

	if (fd < 0 && errno == ENOENT)
		return err_set(e, REFUSAL_config,
		    "%s: No such file; write the configuration there, or name its file by -C",
		    path);
	if (fd < 0)
		return err_set_errno(e, REFUSAL_config, errno, "%s", path);
	ok = guard_fd(GUARD_CONFIGURATION, fd, path, NULL, e);
	while (ok && out->len <= CONF_FILE_BYTES && (n = read(fd, buf_room(out, 65536), 65536)) > 0)
		out->len += (size_t)n;
	if (ok && n < 0)
		ok = err_set_errno(e, REFUSAL_config, errno, "%s", path);
	close(fd);
	if (ok && out->len > CONF_FILE_BYTES)
		ok = err_set(e, REFUSAL_config, "%s is larger than %d octets", path,
		    CONF_FILE_BYTES);
	if (ok && memchr(out->data != NULL ? out->data : "", '\0', out->len) != NULL)
		ok = err_set(e, REFUSAL_config, "%s holds a NUL octet", path);
	return ok;
}
