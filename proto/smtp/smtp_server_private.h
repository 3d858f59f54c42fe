/* smtp_server_private — what smtp_server*.c share: replies, and the run of each command. */
#ifndef PROTO_SMTP_SERVER_PRIVATE_H
#define PROTO_SMTP_SERVER_PRIVATE_H

#include "proto/smtp/smtp_reply.h"
#include "proto/smtp/smtp_server.h"

/* A refusal by this engine: counted, and closed with where it is a 421. */
void smtp_server_refuse(struct smtp_server *s, const struct err *e);
/* A refusal by the role: with whom the sender may ask. */
void smtp_server_refuse_for_role(struct smtp_server *s, const struct err *e);
/* A refusal after which the session ends. */
void smtp_server_end(struct smtp_server *s, const struct err *e);
void smtp_server_end_with(struct smtp_server *s, enum refusal why);
/* The letter under way is forgotten, here and by the role. */
void smtp_server_forget(struct smtp_server *s);

/* Runs one command.  `alone`: nothing came after it with the same octets. */
void smtp_server_command(struct smtp_server *s, struct span line, bool alone);
/* What the role says of the command that was `asked`. */
void smtp_server_settle(struct smtp_server *s, enum smtp_asked asked, enum outcome o,
    const struct err *e, const char *text);

/* -- smtp_server_auth.c ------------------------------------------------------------------------- */

void smtp_server_auth(struct smtp_server *s, struct span args);
void smtp_server_auth_line(struct smtp_server *s, struct span line);
void smtp_server_auth_refused(struct smtp_server *s, const struct err *e);
void smtp_server_auth_said(struct smtp_server *s, const struct sasl_said *said);

#endif
