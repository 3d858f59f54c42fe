/* memory — zeroed memory for one object; the process aborts when there is none (see buf.h). */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

void *memory_new(size_t n);                 /* free() it */
void *memory_array(size_t count, size_t n); /* the same for count times n, overflow checked */
/* p, or NULL, with room for count times n; the added part is not zeroed. */
void *memory_resize(void *p, size_t count, size_t n);
char *memory_text(const char *s); /* a copy */

#endif
