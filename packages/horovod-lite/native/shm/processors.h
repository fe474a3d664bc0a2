// Whether the ranks have a processor each: then it is well to look again and again before giving one's own to others.
#pragma once
#include "segment.h"

// Tells the others which this process may use.
void processors_tell(Segment *segment);
// How many all ranks together may use, when all have told.
int processors_of_all(const Segment *segment);
