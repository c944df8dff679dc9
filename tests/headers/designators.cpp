// g++ warned of each member without an initializer behind the last that is named (-Wextra).
#include <weir/options.h>

weir::Options two_workers() { return {.workers = 2}; }
