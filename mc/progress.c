/* progress — how far a letter has come; see progress.h. */
#include "mc/progress.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "mc/measure.h"

#define BAR_MAX       40
#define LABEL_COLUMNS 12
#define BESIDE_BAR    53 /* columns of all but the bar, at most */

void
progress_begin(struct progress *p, struct out *out, const char *label)
{
	*p = (struct progress) { .out = out != NULL && out->terminal ? out : NULL, .label = label };
}

void
progress_line(struct buf *b, const char *label, uint64_t got, uint64_t octets, uint64_t speed,
    size_t columns)
{
	char have[MEASURE_BYTES], all[MEASURE_BYTES], rate[MEASURE_BYTES];
	size_t bar = columns > BESIDE_BAR + 10 ? columns - BESIDE_BAR : 0;
	size_t full;

	if (got > octets)
		got = octets;
	bar = bar > BAR_MAX ? BAR_MAX : bar;
	full = octets == 0 ? bar : (size_t)((double)got / (double)octets * (double)bar);
	measure_size(have, got);
	measure_size(all, octets);
	measure_size(rate, speed);
	buf_addf(b, "%-*s ", LABEL_COLUMNS, label);
	for (size_t i = 0; i < bar; i++)
		buf_addf(b, "%s%c%s", i == 0 ? "[" : "",
		    i + 1 < full   ? '='
			: i < full ? '>'
				   : ' ',
		    i + 1 == bar ? "] " : "");
	buf_addf(b, "%3u %%  %s of %s",
	    octets == 0 ? 100 : (unsigned)((double)got / (double)octets * 100), have, all);
	if (speed > 0)
		buf_addf(b, "  %s/s", rate);
}

void
progress_step(struct progress *p, uint64_t got, uint64_t octets)
{
	int64_t now = clock_mono_ms();
	struct buf b = BUF_INIT;
	uint64_t speed = 0;

	if (p->out == NULL)
		return;
	if (p->began_ms == 0) {
		p->began_ms = now;
		p->first = got;
	}
	if (now - p->began_ms < PROGRESS_QUIET_MS || now - p->drawn_ms < PROGRESS_EVERY_MS)
		return;
	if (now - p->began_ms >= PROGRESS_SPEED_MS && got > p->first)
		speed = (got - p->first) * 1000 / (uint64_t)(now - p->began_ms);
	p->drawn_ms = now;
	progress_line(&b, p->label, got, octets, speed, p->out->columns);
	out_progress(p->out, buf_span(&b));
	buf_clear(&b);
}

void
progress_end(struct progress *p)
{
	if (p->out != NULL && p->drawn_ms != 0)
		out_progress(p->out, span_str(""));
}
