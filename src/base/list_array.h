// list_array.h - many lists, of which most are never used.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/list.h"

namespace weir::base {

/// `groups` times `size` lists. A group is made when one of its lists is asked for: who serves one
/// client on a thread or process of its own neither fills nor touches the memory of the others.
template <class T, unsigned groups, unsigned size>
class ListArray {
  static_assert(groups <= 32);

 public:
  bool empty(unsigned index) const noexcept {
    return !is_made(index / size) || groups_[index / size].lists[index % size].empty();
  }
  List<T>& operator[](unsigned index) noexcept {
    Group& group = groups_[index / size];
    if (!is_made(index / size)) {
      std::construct_at(&group.lists);
      made_ |= std::uint32_t{1} << index / size;
    }
    return group.lists[index % size];
  }
  /// Calls `visit` for each element; it may unlink the one it is given, and no other.
  template <class Visit>
  void for_each(Visit visit) {
    for (unsigned group = 0; group < groups; ++group) {
      if (!is_made(group)) continue;
      for (List<T>& list : groups_[group].lists) list.for_each(visit);
    }
  }

 private:
  union Group {
    Group() noexcept {}  // Not made yet.
    std::array<List<T>, size> lists;
  };
  bool is_made(unsigned group) const noexcept { return (made_ >> group & 1) != 0; }

  std::uint32_t made_ = 0;
  std::array<Group, groups> groups_;
};

}  // namespace weir::base
