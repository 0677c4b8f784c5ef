/* explain_show.h - prints what is known of a crash, for people or as JSON: the shape of the latter
 * is part of the interface, see doc/crashmon-priority.1. */
#ifndef EXPLAIN_SHOW_H
#define EXPLAIN_SHOW_H

#include "explanation.h"

void explain_print_text(const struct explanation *explanation, bool is_known);
void explain_print_json(const struct explanation *explanation, bool is_known);

#endif
