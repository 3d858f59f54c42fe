/* html_tree — the nodes of an HTML text, within bounds.
 *
 * Part of html.c.  The parser's memory and time are bounded (html.h), and are freed as a whole.
 *
 * Trust:  every octet is the sender's.
 * Owner:  html_tree_free frees the nodes too.
 */
#ifndef MC_HTML_TREE_PRIVATE_H
#define MC_HTML_TREE_PRIVATE_H

#include <gumbo.h>

#include "common/base/buf.h"

struct html_tree;

struct html_tree *html_tree_new(struct span html);
/* NULL: the text is beyond the bounds. */
const GumboNode *html_tree_document(const struct html_tree *t);
void html_tree_free(struct html_tree **t);

/* The node that comes next in the order of the text, by the nodes' own links (a tree may be deeper
 * than a stack); `end` (may be NULL) is called for each node that it leaves.  NULL: there is none. */
const GumboNode *html_tree_next(const GumboNode *node,
    void (*end)(void *arg, const GumboNode *node), void *arg);

#endif
