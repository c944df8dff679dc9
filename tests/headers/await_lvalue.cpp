// A mistake that the compiler explains. The test wants its words.
#include <weir/task.h>

weir::Task<int> three() { co_return 3; }

weir::Task<int> six() {
  weir::Task<int> task = three();
  const int first = co_await task;
  co_return first + 3;
}
