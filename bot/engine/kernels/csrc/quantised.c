/* Products of quantised weights, compiled apart from the other operations: codes are decoded in vectors of 256
   bits also where a CPU has longer ones. A core starts three of those at once, and two of 512 bits; on a Xeon of
   2023, one token is multiplied 1.6 times as fast. Products of several tokens use the longer ones by name. */

#define NARROW
#include "quantised.h"
