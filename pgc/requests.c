#include "requests.h"

void request_judge(struct candidate *candidate, enum request_age age, bool is_kept, bool is_queued,
                   bool is_finished)
{
    struct crash_id id;
    candidate->is_old = age == REQUEST_OLD;
    if (!crash_id_parse(&id, candidate->request))
        candidate_judge(candidate, REJECTED, "not a crash id; the request is removed");
    else if (is_finished)
        candidate_judge(candidate, FINISHED, "its job is finished already");
    else if (is_queued)
        candidate_judge(candidate, RAISED, "its job has priority now");
    else
        candidate->verdict = age == REQUEST_NEW || is_kept ? LEFT : GIVEN_UP;
}

/* A second crash with its id is in quarantine for scan, which sees to the links, too. */
void request_settle(struct candidate *candidate)
{
    enum outcome outcome = candidate->crash.outcome;
    if (outcome != ALREADY_QUEUED && outcome != QUARANTINED)
        return;
    if (candidate->is_finished)
        crash_set(&candidate->crash, FINISHED, "its job is finished already");
    else
        crash_set(&candidate->crash, RAISED, "its job has priority now");
}

bool request_look(struct candidate *candidate, struct whereabouts *whereabouts, long settle_time,
                  struct failure *failure)
{
    enum whereabouts_found found =
        whereabouts_find(whereabouts, candidate->request, settle_time, &candidate->pair, failure);
    if (failure->error == LOCATE_AWAY && candidate->is_old)
        failure->error = 0;
    if (found == WHEREABOUTS_READY) {
        candidate->verdict = QUEUED;
        return true; /* though another place may not have been readable */
    }
    candidate_judge(candidate,
                    found == WHEREABOUTS_ARCHIVED ? FINISHED
                    : failure->error != 0         ? LEFT
                                                  : candidate->verdict,
                    failure->text);
    return failure->error == 0;
}
