/* attempts.h - what crashmon-scan does to jobs that were begun too long ago, or too often
 * (jobs.attempts, see sql/attempts.sql), and are not finished. */
#ifndef ATTEMPTS_H
#define ATTEMPTS_H

#include "run.h"

/* Jobs of the storage that were begun --job-timeout ago wait again, and those that have been begun
 * in vain --maximum-attempts times fail. Each that fails is reported and counted. False when the
 * run must end. */
bool attempts_limit(struct run *run);

/* What becomes in this way of an unfinished job that has been begun in vain so many times.
 * `started` is the age of its last beginning in seconds, below 0 if it waits; *attempts becomes
 * their number with that one, if it has taken too long. */
enum attempts_verdict { ATTEMPTS_FINE, ATTEMPTS_WAITS_AGAIN, ATTEMPTS_FAILS };
enum attempts_verdict attempts_judge(const struct options *options, long *attempts,
                                     long long started);

#endif
