/* measure.h - how much there is to do and how much room there is, for the metrics of a run.
 * crashmon-scan counts jobs and processors, crashmon-priority requests; each looks at its
 * directories. */
#ifndef MEASURE_H
#define MEASURE_H

#include "run.h"

/* To be called before run_end(), however the run went. Does nothing where no metrics are wanted, or
 * another run is at work. Each count ends after a tenth of a second. */
void measure(struct run *run);

#endif
