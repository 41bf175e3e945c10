// SPDX-License-Identifier: GPL-2.0-only
/*
 * diagram.c - one execution as kernel people draw it.
 *
 * The form is that of the kernel's tip-tree handbook and of lockdep: columns
 * `CPU0`, `CPU1` over dashes, time downwards, depth of calls as indentation,
 * functions by their names in Linux.  Only what explains the outcome is drawn:
 *
 *   - state changes of page-table entries and DAX entries
 *   - reads that were overtaken: another CPU changes the word next
 *   - waiting, retries, splits, and the step that breaks an invariant
 *   - functions in which something of that happened, and their answers
 *
 * Names used in this file
 *   chain   the functions of the engine an event happened in, outermost first
 *   item    an event that will be drawn
 */
#include "diagram.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "symbols.h"

/* Where a fault begins, for the eye: what is outside is the access. */
#define ROOT "__handle_mm_fault"

#define WIDTH 78
#define MAX_CHAIN 24
#define INDENT 2

struct call {
	const char *function;
	const void *frame;
};

struct chain {
	struct call calls[MAX_CHAIN];
	size_t nr;
};

struct column {
	struct chain open;		/* functions whose line was printed */
	size_t last_line;		/* of this column, or SIZE_MAX */
	const char *last_function;	/* that line opened it; or NULL */
	size_t last_indent;
};

struct line {
	unsigned int cpu;
	size_t indent;
	char *text;
};

struct diagram {
	const struct trial *trial;
	const struct trace *trace;
	FILE *to;
	struct line *lines;
	size_t nr_lines;
	struct column columns[CHECK_MAX_THREADS];
	size_t breaking;		/* event, or SIZE_MAX */
	size_t last;			/* event that may be drawn */
	const char *oracle;
};

/* ------ chains ------ */

/*
 * The stations of a fault: functions that trace their answers.  They are drawn,
 * and the innermost function of each event; what lies between only hands on,
 * and Linux's own diagrams leave it out as well.
 */
static const char *const stations[] = {
	"create_huge_pmd", "wp_huge_pmd", "handle_pte_fault", "do_read_fault",
	"do_cow_fault", "do_shared_fault", "do_wp_page", "finish_fault",
	"alloc_set_pte", "dax_iomap_pte_fault", "dax_iomap_pmd_fault",
};

static bool is_station(const char *function)
{
	for (size_t i = 0; i < sizeof(stations) / sizeof(stations[0]); i++)
		if (!strcmp(stations[i], function))
			return true;
	return false;
}

/* Engine functions of an event, outermost first; a fault begins at ROOT. */
static struct chain whole_chain(const struct trace_event *event)
{
	struct chain chain = { .nr = 0 };

	for (size_t i = event->nr_frames; i-- > 0;) {
		const struct symbol *symbol = symbol_at(event->pc[i]);

		if (!symbol->engine || !symbol->function ||
		    chain.nr == MAX_CHAIN)
			continue;
		if (!strcmp(symbol->function, ROOT))
			chain.nr = 0;
		chain.calls[chain.nr].function = symbol->function;
		chain.calls[chain.nr].frame = event->frame[i];
		chain.nr++;
	}
	return chain;
}

static struct chain chain_of(const struct trace_event *event)
{
	struct chain whole = whole_chain(event), chain = { .nr = 0 };
	/* reads are many: in a fault, the station says enough */
	bool innermost = event->kind != TRACE_LOAD || !whole.nr ||
			 strcmp(whole.calls[0].function, ROOT);

	for (size_t i = 0; i < whole.nr; i++) {
		const char *function = whole.calls[i].function;

		if (i == 0 || (innermost && i + 1 == whole.nr) ||
		    is_station(function))
			chain.calls[chain.nr++] = whole.calls[i];
	}
	return chain;
}

/* ------ which events are drawn ------ */

static bool changes(const struct trace_event *event)
{
	return event->kind == TRACE_STORE && event->name && event->a_name &&
	       strcmp(event->a_name, event->b_name);
}

static bool is_entry(const struct trace_event *event)
{
	return event->name && !strncmp(event->name, "entry[", 6);
}

static bool is_point(const struct trace_event *event, const char *name)
{
	return event->kind == TRACE_POINT && !strcmp(event->name, name);
}

/* Does this CPU do anything in events [from, to]? */
static bool goes_on(const struct trace *trace, unsigned int cpu, size_t from,
		    size_t to)
{
	for (size_t i = from; i < trace->nr && i <= to; i++)
		if (trace->events[i].cpu == cpu)
			return true;
	return false;
}

/*
 * Another CPU changes the word a CPU has just read, before that CPU looks again
 * or is done: it goes on with what is no longer so.
 */
static bool overtaken(const struct diagram *d, size_t at)
{
	const struct trace *trace = d->trace;
	const struct trace_event *read = &trace->events[at];

	if (read->kind != TRACE_LOAD || !read->name || is_entry(read))
		return false;
	for (size_t i = at + 1; i < trace->nr; i++) {
		const struct trace_event *event = &trace->events[i];

		if (event->cpu == read->cpu &&
		    (event->object == read->object || is_point(event, "op_end")))
			return false;
		if (event->object == read->object && changes(event))
			return goes_on(trace, read->cpu, i, d->last);
	}
	return false;
}

/* Worth a line of its own, whatever happens around it? */
static bool interesting(const struct diagram *d, size_t at)
{
	const struct trace_event *event = &d->trace->events[at];

	switch (event->kind) {
	case TRACE_STORE:
		return changes(event) && !is_entry(event);
	case TRACE_LOAD:
		return overtaken(d, at);
	case TRACE_BLOCKS:
		return true;
	case TRACE_POINT:
		return !strcmp(event->name, "op") ||
		       !strcmp(event->name, "op_end") ||
		       !strcmp(event->name, "retry") ||
		       !strcmp(event->name, "sleep_on_entry");
	default:
		return false;
	}
}

/* Return: the event that is the breaking step, or SIZE_MAX. */
static size_t find_breaking(const struct trace *trace,
			    const struct check_failure *failure)
{
	size_t at = SIZE_MAX;

	if (!failure)
		return SIZE_MAX;
	for (size_t i = 0; i < trace->nr; i++) {
		const struct trace_event *event = &trace->events[i];

		if (event->kind == TRACE_FAILURE)
			return at == SIZE_MAX ? i : at;
		if (failure->where && event->nr_frames &&
		    event->pc[0] == failure->where &&
		    event->cpu != CHECK_MAX_THREADS &&
		    (event->kind == TRACE_STORE ||
		     event->kind == TRACE_LOAD))
			at = i;
	}
	return at;
}

/* ------ lines ------ */

static struct line *add_line(struct diagram *d, unsigned int cpu,
			     size_t indent, char *text)
{
	struct line *lines = realloc(d->lines,
				     (d->nr_lines + 1) * sizeof(*lines));

	if (!lines || !text)
		abort();
	d->lines = lines;
	lines[d->nr_lines] = (struct line){ cpu, indent, text };
	d->columns[cpu].last_line = d->nr_lines;
	d->columns[cpu].last_function = NULL;
	d->columns[cpu].last_indent = indent;
	return &lines[d->nr_lines++];
}

__attribute__((format(printf, 1, 2)))
static char *text_of(const char *format, ...)
{
	char *text;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vasprintf(&text, format, arguments);
	va_end(arguments);
	return n < 0 ? NULL : text;
}

/* Print lines for the functions of chain that are not open yet. */
static size_t open_chain(struct diagram *d, unsigned int cpu,
			 const struct chain *chain)
{
	struct column *column = &d->columns[cpu];
	size_t same = 0;

	while (same < chain->nr && same < column->open.nr &&
	       chain->calls[same].frame == column->open.calls[same].frame &&
	       !strcmp(chain->calls[same].function,
		       column->open.calls[same].function))
		same++;
	for (size_t i = same; i < chain->nr; i++) {
		add_line(d, cpu, i + 1,
			 text_of("%s()", chain->calls[i].function));
		column->last_function = chain->calls[i].function;
	}
	column->open = *chain;
	return chain->nr + 1;
}

static const struct litmus_op *op_of(const struct diagram *d,
				     const struct trace_event *event,
				     const struct litmus_column **column)
{
	*column = &d->trial->test->columns[event->a];
	return &(*column)->ops[event->b];
}

static char *op_text(const struct diagram *d, const struct trace_event *event)
{
	const struct litmus_column *column;
	const struct litmus_op *op = op_of(d, event, &column);
	char *text = NULL, *whole;
	size_t bytes = 0;
	FILE *to = open_memstream(&text, &bytes);

	if (!to)
		return NULL;
	litmus_print_op(d->trial->test, column, op, to);
	if (fclose(to))
		return NULL;
	whole = text_of("(%s)", text);
	free(text);
	return whole;
}

/* ` = FALLBACK` goes behind the function's name if that is the last line. */
static void draw_answer(struct diagram *d, const struct trace_event *event)
{
	struct column *column = &d->columns[event->cpu];
	struct chain *open = &column->open;
	char answer[64], *text;
	size_t depth = open->nr;

	while (depth && strcmp(open->calls[depth - 1].function, event->name))
		depth--;
	if (!depth)
		return;
	d->trial->subject->name_answer(event->a, answer, sizeof(answer));
	open->nr = depth - 1;
	if (column->last_line + 1 == d->nr_lines && column->last_function &&
	    !strcmp(column->last_function, event->name)) {
		struct line *line = &d->lines[column->last_line];

		text = text_of("%s = %s", line->text, answer);
		free(line->text);
		line->text = text;
	} else if (!strncmp(event->name, "dax_iomap_", 10)) {
		add_line(d, event->cpu, depth,
			 text_of("%s() = %s", event->name, answer));
	}
	column->last_function = NULL;
}

/* Under the line that was drawn last. */
static void draw_breaking(struct diagram *d, unsigned int cpu)
{
	add_line(d, cpu, d->columns[cpu].last_indent,
		 text_of("^^^^ %s", d->oracle));
}

/* A failure that is no change of state: say what it is, in its place. */
static void draw_failure(struct diagram *d, const struct trace_event *event)
{
	struct chain chain = chain_of(event);
	size_t indent = open_chain(d, event->cpu, &chain);

	/* a signal's handler has a stack of its own */
	if (event->a == CHECK_CRASH && event->object &&
	    symbol_at((const char *)event->object + 1)->function)
		add_line(d, event->cpu, indent, text_of("%s() crashes",
			 symbol_at((const char *)event->object + 1)->function));
	else
		add_line(d, event->cpu, indent, text_of("%s", event->name));
	draw_breaking(d, event->cpu);
}

static void draw_point(struct diagram *d, const struct trace_event *event)
{
	struct chain chain = chain_of(event);

	if (is_point(event, "op")) {
		add_line(d, event->cpu, 0, op_text(d, event));
		d->columns[event->cpu].open.nr = 0;
	} else if (is_point(event, "retry")) {
		add_line(d, event->cpu, open_chain(d, event->cpu, &chain),
			 text_of("PMD is %s now: retry",
				 event->a == 1 ? "huge" : "a table"));
	} else if (is_point(event, "sleep_on_entry")) {
		add_line(d, event->cpu, open_chain(d, event->cpu, &chain),
			 text_of("sleeps: the entry is locked"));
	} else if (is_point(event, "op_end")) {
		d->columns[event->cpu].open.nr = 0;
	}
}

static void draw_event(struct diagram *d, const struct trace_event *event)
{
	struct chain chain = chain_of(event);
	unsigned int cpu = event->cpu;

	switch (event->kind) {
	case TRACE_STORE:
		add_line(d, cpu, open_chain(d, cpu, &chain),
			 text_of("%s: %s -> %s",
				 event->name ? event->name : "a word",
				 event->a_name ? event->a_name : "?",
				 event->b_name ? event->b_name : "?"));
		break;
	case TRACE_LOAD:
		add_line(d, cpu, open_chain(d, cpu, &chain),
			 text_of("%s is %s", event->name ? event->name : "a word",
				 event->a_name ? event->a_name : "?"));
		break;
	case TRACE_BLOCKS:
		add_line(d, cpu, d->columns[cpu].open.nr + 1,
			 text_of("%s", event->name));
		break;
	case TRACE_POINT:
		draw_point(d, event);
		break;
	default:
		break;
	}
}

/* The answer of a function that is open: some event in it was drawn. */
static bool is_answer(const struct trace_event *event)
{
	return event->kind == TRACE_POINT && event->nr_frames &&
	       symbol_at(event->pc[0])->engine &&
	       strcmp(event->name, "page_fault") &&
	       strcmp(event->name, "split_huge_pmd") &&
	       strcmp(event->name, "wake_entry");
}

/* `create_huge_pmd() = FALLBACK` is worth a line though nothing was drawn. */
static void draw_fallback(struct diagram *d, const struct trace_event *event)
{
	struct chain chain = chain_of(event);
	char answer[64];

	if (strcmp(event->name, "create_huge_pmd") &&
	    strcmp(event->name, "wp_huge_pmd"))
		return;
	d->trial->subject->name_answer(event->a, answer, sizeof(answer));
	if (!strstr(answer, "FALLBACK"))
		return;
	/* chains end with the caller of the tracepoint: the function itself */
	open_chain(d, event->cpu, &chain);
}

/* ------ printing ------ */

static unsigned int nr_cpus(const struct diagram *d)
{
	return (unsigned int)d->trial->test->nr_columns;
}

static int column_width(const struct diagram *d)
{
	return nr_cpus(d) <= 2 ? (WIDTH + 2) / 2 : 36;
}

/* A line that is too long for its column begins further left. */
static void print_at(const struct diagram *d, unsigned int cpu,
		     const char *text, size_t indent)
{
	int left = (int)cpu * column_width(d) + (int)(indent * INDENT);
	int most = (int)nr_cpus(d) * column_width(d) - 2;
	int length = (int)strlen(text);

	if (left + length > most)
		left = length < most ? most - length : 0;
	fprintf(d->to, "%*s%s\n", left, "", text);
}

static void print_header_line(const struct diagram *d, const char *format)
{
	for (unsigned int cpu = 0; cpu < nr_cpus(d); cpu++) {
		char *text = text_of(format, cpu);
		bool last = cpu + 1 == nr_cpus(d);

		fprintf(d->to, "%-*s%s", last ? 0 : column_width(d),
			text ? text : "", last ? "\n" : "");
		free(text);
	}
}

static char *setup_op_text(const struct litmus *test, size_t i)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&text, &bytes);

	if (!to)
		abort();
	litmus_print_op(test, NULL, &test->setup[i], to);
	fputc(';', to);
	if (fclose(to))
		abort();
	return text;
}

static void print_setup(const struct diagram *d)
{
	const struct litmus *test = d->trial->test;
	size_t at = 0;

	for (size_t i = 0; i < test->nr_setup; i++) {
		char *text;

		if (test->setup[i].kind == LITMUS_MAP)
			continue;
		text = setup_op_text(test, i);
		if (at && at + 1 + strlen(text) > WIDTH)
			at = (size_t)fprintf(d->to, "\n        %s", text) - 1;
		else
			at += (size_t)fprintf(d->to, "%s%s",
					      at ? " " : "set-up: ", text);
		free(text);
	}
	if (at)
		fputs(d->nr_lines ? "\n\n" : "\n", d->to);
}

/* What the kernel says, and what the test says. */
static void print_complaints(const struct diagram *d)
{
	bool any = false;

	for (size_t i = 0; i < d->trace->nr; i++) {
		const struct trace_event *event = &d->trace->events[i];
		struct check_failure failure = {
			.number = (unsigned int)event->a,
		};

		if (event->kind != TRACE_FAILURE)
			continue;
		if (any && strncmp(event->name, "BUG:", 4) &&
		    event->a != TRIAL_CONDITION)
			continue;
		if (!any)
			fputc('\n', d->to);
		any = true;
		fprintf(d->to, "%s: %s\n",
			trial_oracle_name(trial_oracle(&failure)), event->name);
	}
}

/* Where segment number n of the schedule begins, in events. */
static size_t segment_start(const struct trace *trace, size_t n)
{
	size_t i = 0;

	for (; i < trace->nr; i++)
		if (trace->events[i].kind == TRACE_RUNS && !n--)
			break;
	return i;
}

/* Lines of a diagram that goes on and on: its beginning and its end. */
#define MAX_LINES 100
#define END_LINES 20

static void print_lines(const struct diagram *d)
{
	unsigned int last = 0;

	for (size_t i = 0; i < d->nr_lines; i++) {
		const struct line *line = &d->lines[i];

		if (d->nr_lines > MAX_LINES && i == MAX_LINES - END_LINES) {
			fprintf(d->to, "\n... %zu lines ...\n",
				d->nr_lines - MAX_LINES);
			i = d->nr_lines - END_LINES;
			line = &d->lines[i];
		}
		if (i && line->cpu != last)
			fputc('\n', d->to);
		last = line->cpu;
		print_at(d, line->cpu, line->text, line->indent);
	}
}

static void free_lines(struct diagram *d)
{
	for (size_t i = 0; i < d->nr_lines; i++)
		free(d->lines[i].text);
	free(d->lines);
}

/* A livelock breaks at no step: the last line is where it begins again. */
static void draw_livelock(struct diagram *d)
{
	unsigned int cpu;

	if (!d->nr_lines)
		return;
	cpu = d->lines[d->nr_lines - 1].cpu;
	add_line(d, cpu, 1, text_of("and so on, for ever"));
	draw_breaking(d, cpu);
}

/* A diagram that begins in the middle says which operations are under way. */
static void draw_operations_under_way(struct diagram *d, size_t from)
{
	for (unsigned int cpu = 0; cpu < nr_cpus(d) && from; cpu++) {
		const struct trace_event *op = NULL;

		for (size_t i = 0; i < from && i < d->trace->nr; i++) {
			const struct trace_event *event = &d->trace->events[i];

			if (event->cpu == cpu && is_point(event, "op"))
				op = event;
			if (event->cpu == cpu && is_point(event, "op_end"))
				op = NULL;
		}
		if (op)
			draw_point(d, op);
	}
}

static void draw(struct diagram *d, size_t from)
{
	const struct trace *trace = d->trace;

	draw_operations_under_way(d, from);
	for (size_t i = from; i <= d->last && i < trace->nr; i++) {
		const struct trace_event *event = &trace->events[i];

		if (event->cpu == CHECK_MAX_THREADS)
			continue;
		if (i == d->breaking && event->kind == TRACE_FAILURE) {
			draw_failure(d, event);
			break;
		}
		if (i == d->breaking) {
			draw_event(d, event);
			draw_breaking(d, event->cpu);
			break;
		}
		if (interesting(d, i)) {
			draw_event(d, event);
		} else if (is_answer(event)) {
			draw_fallback(d, event);
			draw_answer(d, event);
		}
	}
}

void diagram_print(const struct trial *trial, const struct trace *trace,
		   const struct diagram_options *options, FILE *to)
{
	struct diagram d = { .trial = trial, .trace = trace, .to = to };

	d.breaking = find_breaking(trace, options->failure);
	if (options->failure)
		d.oracle = trial_oracle_name(trial_oracle(options->failure));
	d.last = options->to_segment ?
		segment_start(trace, options->to_segment) : trace->nr;
	if (d.breaking < d.last)
		d.last = d.breaking;
	draw(&d, options->from_segment ?
		 segment_start(trace, options->from_segment) : 0);
	if (options->failure && options->failure->number == CHECK_LIVELOCK)
		draw_livelock(&d);
	print_setup(&d);
	if (d.nr_lines) {
		print_header_line(&d, "CPU%u");
		print_header_line(&d, "----");
	}
	print_lines(&d);
	free_lines(&d);
	print_complaints(&d);
}
