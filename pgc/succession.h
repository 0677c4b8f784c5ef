/* succession.h - what happens when a processor dies. */
#ifndef SUCCESSION_H
#define SUCCESSION_H

#include "processors.h"
#include "run.h"

/* Gives the unfinished jobs of dead processors to live ones, batch by batch, then removes the
 * dead. Without a live processor it changes nothing and the run fails (EXIT_NO_PROCESSOR). A
 * processor that cannot be removed is reported and stays for the next run. False when the run
 * cannot go on. */
bool succession_settle(struct run *run, struct processors *processors);

#endif
