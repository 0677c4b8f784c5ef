/* attempts.h - what crashmon-scan does to jobs that were begun too long ago, or too often
 * (jobs.attempts, see sql/attempts.sql), and are not finished. */
#ifndef ATTEMPTS_H
#define ATTEMPTS_H

#include "run.h"

/* Jobs of the storage that were begun --job-timeout ago wait again, and those that have been begun
 * in vain --maximum-attempts times fail. Each that fails is reported and counted. False when the
 * run must end. */
bool attempts_limit(struct run *run);

#endif
