/* status_json.h - the answer to --status as JSON: its shape is part of the interface, see
 * doc/crashmon-scan.1. */
#ifndef STATUS_JSON_H
#define STATUS_JSON_H

#include "status.h"
#include "status_disk.h"

void status_print_json(const struct options *options, const struct database_status *database,
                       const struct disk_status *disk, const struct problems *troubles);

#endif
