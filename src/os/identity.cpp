#include "os/identity.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include <weir/error.h>

#include "base/counters.h"
#include "os/tap.h"

namespace weir::os {
namespace {

// getpwnam_r(3) and getgrnam_r(3) say ERANGE while the buffer is too small.
template <class Entry, class Look>
bool look_up(const std::string& name, Entry& entry, Look look) {
  std::vector<char> memory(1024);
  Entry* found = nullptr;
  while (look(name.c_str(), &entry, memory.data(), memory.size(), &found) == ERANGE) {
    memory.resize(2 * memory.size());
  }
  return found != nullptr;
}

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw StartError(fmt::format("user: '{}': {}", text, why));
}

template <class Function, class... Arguments>
bool succeeds(CallKind kind, Function function, Arguments... arguments) noexcept {
  ++base::counters.calls_other;
  return system_call(kind, function, arguments...) == 0;
}

void demand(bool done, const Identity& identity, const char* call) {
  if (done) return;
  const int error = errno;
  throw StartError(fmt::format("cannot become user {}: {}: {}", identity.name, call,
                               std::generic_category().message(error)));
}

}  // namespace

Identity Identity::of(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string user_name = text.substr(0, colon);
  Identity result;
  result.name = text;
  passwd user{};
  if (!look_up(user_name, user, ::getpwnam_r)) {
    refuse(text, fmt::format("no user '{}' here", user_name));
  }
  result.user = user.pw_uid;
  result.group = user.pw_gid;
  if (colon != std::string::npos) {
    const std::string group_name = text.substr(colon + 1);
    ::group group{};
    if (!look_up(group_name, group, ::getgrnam_r)) {
      refuse(text, fmt::format("no group '{}' here", group_name));
    }
    result.group = group.gr_gid;
  }
  if (result.user == 0) refuse(text, "that is root, who would be given up");
  return result;
}

bool Identity::is_ours() const noexcept {
  uid_t user_now[3];
  gid_t group_now[3];
  if (getresuid(&user_now[0], &user_now[1], &user_now[2]) != 0) return false;
  if (getresgid(&group_now[0], &group_now[1], &group_now[2]) != 0) return false;
  for (int i = 0; i < 3; ++i) {
    if (user_now[i] != user || group_now[i] != group) return false;
  }
  return true;
}

bool may_change_identity() noexcept { return geteuid() == 0; }

int give_file(const std::string& path, const Identity& to) noexcept {
  const char* name = path.c_str();
  return succeeds(CallKind::chown, ::lchown, name, to.user, to.group) ? 0 : -errno;
}

// The groups first: who is not root any more cannot change them.
void become(const Identity& identity) {
  if (!identity.is_ours()) {
    const std::string user_name = identity.name.substr(0, identity.name.find(':'));
    demand(succeeds(CallKind::setgroups, ::initgroups, user_name.c_str(), identity.group),
           identity, "initgroups");
    demand(succeeds(CallKind::setgid, ::setgid, identity.group), identity, "setgid");
    demand(succeeds(CallKind::setuid, ::setuid, identity.user), identity, "setuid");
  }
  if (!identity.is_ours() || succeeds(CallKind::setuid, ::setuid, uid_t{0}) ||
      (identity.group != 0 && succeeds(CallKind::setgid, ::setgid, gid_t{0}))) {
    throw StartError(
        fmt::format("cannot become user {}: root could be had again", identity.name));
  }
  const unsigned long on = 1, none = 0;
  demand(succeeds(CallKind::prctl, ::prctl, PR_SET_NO_NEW_PRIVS, on, none, none, none), identity,
         "prctl(PR_SET_NO_NEW_PRIVS)");
}

}  // namespace weir::os
