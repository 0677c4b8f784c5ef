/* cases.h - what lies in a quarantine (quarantine.h): a directory for each crash, and for many
 * stray entries.
 * `quarantine` is one that is open, in any mode. */
#ifndef CASES_H
#define CASES_H

#include "base/failure.h"
#include "base/names.h"
#include "spool/crash_id.h"
#include "spool/location.h"
#include "spool/spool.h"

/* Lists the days, oldest first; the cases of a day in the order of their names: those of one
 * crash (case_is_of()), or all (NULL). The caller always frees the names. A day that is gone
 * has no cases. */
bool cases_days(int quarantine, struct names *days, struct failure *failure);
bool cases_of_day(int quarantine, const char *day, const struct crash_id *id, struct names *names,
                  struct failure *failure);

/* Lists what is in a case beside its reason, sorted; without a copy that was not finished. */
bool cases_files(int directory, struct names *names, struct failure *failure);

/* Opens a case to be read; -1 with errno. */
int cases_open(int quarantine, const char *day, const char *name);

/* Removes a case into which nobody has put anything for `seconds`, by whatever means and with
 * whatever times: its reason, which says whose it is, last; and its day with the last one. Hold the
 * quarantine. In a dry run says whether it would. *removed is false if it is too young, has another
 * mark, or none in a quarantine that is shared (quarantine_is_shared()), or is on what is mounted
 * in the quarantine. False with the reason if something could not be removed. */
bool cases_remove_old(int quarantine, const char *day, const char *name, const struct spool *spool,
                      const char *mark, bool is_shared, long seconds, bool dry_run, bool *removed,
                      struct failure *failure);

/* Removes a case that holds no file of its crash any more, and its day with the last one. False
 * with errno. */
bool cases_remove_empty(int quarantine, const char *day, const char *name);

#endif
