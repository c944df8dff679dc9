// identity.h - who this process is, and how root is given up.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace weir::os {

/// A user and a group of this machine.
struct Identity {
  std::string name;  ///< as it was asked for
  uid_t user = 0;
  gid_t group = 0;

  /// Looks "NAME" or "NAME:GROUP" up. Throws StartError for what is unknown, and for root.
  static Identity of(const std::string& text);

  /// The process is it already, and nothing else.
  bool is_ours() const noexcept;
};

/// Whether become() can succeed: the process is root.
bool may_change_identity() noexcept;

/// The file is given to it: lchown(2). 0 or -errno.
int give_file(const std::string& path, const Identity& to) noexcept;

/// Becomes it for good: groups, group, user, of all threads of the process. Then makes sure that
/// root cannot be had again, and that no program that is executed gains privileges. Throws
/// StartError naming the call that failed; the process must not go on then.
void become(const Identity& identity);

}  // namespace weir::os
