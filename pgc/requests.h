/* requests.h - judges the requests of crashmon-priority. It changes nothing: crashmon-priority.pgc
 * does. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include "spool/candidate.h"
#include "spool/whereabouts.h"

enum { REQUEST_MAXIMUM = 255 }; /* characters; a column that somebody has widened holds any */

/* REQUEST_OVERDUE: for give-up-after. REQUEST_OLD: for a day, too. */
enum request_age { REQUEST_NEW, REQUEST_OVERDUE, REQUEST_OLD };

/* By its row and the queue alone. LEFT, or GIVEN_UP if it is overdue, and not kept for another
 * storage: its pair has to be looked for, and the reason follows from that. */
void request_judge(struct candidate *candidate, enum request_age age, bool is_kept, bool is_queued,
                   bool is_finished);

/* Looks for the pair of a crash that has no job. One that cannot be looked for is not given up, for
 * a day if its disk only seems to be away; one that has been archived is done. False with the
 * reason if it cannot be looked for. */
bool request_look(struct candidate *candidate, struct whereabouts *whereabouts, long settle_time,
                  struct failure *failure);

/* After enqueue(): where the crash has a job already, as it was requested in other letters, that is
 * RAISED, or FINISHED. */
void request_settle(struct candidate *candidate);

#endif
