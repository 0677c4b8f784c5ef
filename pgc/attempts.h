/* attempts.h - what crashmon-scan does to jobs that were begun too long ago, or too often
 * (jobs.attempts, see sql/attempts.sql), and are not finished. */
#ifndef ATTEMPTS_H
#define ATTEMPTS_H

#include "processors.h"
#include "run.h"

/* Jobs of the storage that were begun --job-timeout ago wait again; those that have had
 * --maximum-attempts attempts fail, also those that a dry run has not taken from the dead. Each
 * that fails is reported and counted. False when the run must end. */
bool attempts_limit(struct run *run, const struct processors *processors);

/* What attempts_limit() makes of an unfinished job with *attempts attempts that was begun `started`
 * seconds ago (below 0: it waits). If it was begun too long ago, *attempts grows by that one. */
enum attempts_verdict { ATTEMPTS_FINE, ATTEMPTS_WAITS_AGAIN, ATTEMPTS_FAILS };
enum attempts_verdict attempts_judge(const struct options *options, long *attempts,
                                     long long started);

#endif
