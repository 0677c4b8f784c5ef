/* rights.h - whether the login may do what a run does, and what others have done with theirs. */
#ifndef RIGHTS_H
#define RIGHTS_H

#include "report/problems.h"

/* Adds a problem for each table, sequence and set of functions of which a right is missing; on a
 * server that only reads, and for an observer, who is told so, only what --check itself has to
 * read. And one for each of the roles of processors, reporter and observer that cannot read what
 * it has to. */
void rights_check(struct problems *problems);

/* Adds a problem for each object in the schema crashmon_priority, ten at most, that is not called
 * like a priority table. */
void rights_check_intruders(struct problems *problems);

#endif
