#include "os/bell.h"

#include <cerrno>
#include <system_error>

#include "os/eventfd.h"

namespace weir::os {

Bell::Bell() : fd_(make_eventfd()) {
  if (!fd_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Bell::ring() const noexcept { tell_eventfd(fd_.get()); }
void Bell::clear() const noexcept { clear_eventfd(fd_.get()); }

}  // namespace weir::os
