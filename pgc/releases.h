/* releases.h - a part of crashmon-priority, --release: brings crashes out of quarantine. */
#ifndef RELEASES_H
#define RELEASES_H

#include "run.h"
#include "spool/locate.h"

/* With --release: releases the crashes of the command line, one after the other (spool/release.h);
 * one that has a job stays. *asked becomes the number of those that it has come to, or that are
 * beyond --limit. False without --release. */
bool release_arguments(struct run *run, const struct roots *roots, size_t *asked);

#endif
