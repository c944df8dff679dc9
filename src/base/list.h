// list.h - an intrusive list over detail::Link.
#pragma once

#include <cstddef>

#include <weir/operation.h>

namespace weir::base {

using detail::Link;

/// A first-in first-out list of T, which derives from Link. Owns nothing. An element may unlink
/// itself at any time, in constant time, without knowing which list it is on.
template <class T>
class List {
 public:
  List() = default;
  List(const List&) = delete;
  List& operator=(const List&) = delete;

  bool empty() const noexcept { return !head_.linked(); }
  /// Looks at one more than that many.
  bool has_more_than(std::size_t count) const noexcept {
    const Link* link = head_.next;
    while (count > 0 && link != &head_) {
      link = link->next;
      --count;
    }
    return link != &head_;
  }
  T& front() noexcept { return static_cast<T&>(*head_.next); }
  void push_back(T& element) noexcept { element.Link::link_before(head_); }
  void push_front(T& element) noexcept { element.Link::link_before(*head_.next); }
  T& pop_front() noexcept {
    T& element = front();
    element.Link::unlink();
    return element;
  }
  /// Moves all elements of `other` behind our own.
  void append(List& other) noexcept {
    if (other.empty()) return;
    Link& first = *other.head_.next;
    Link& last = *other.head_.previous;
    other.head_.next = other.head_.previous = &other.head_;
    first.previous = head_.previous;
    head_.previous->next = &first;
    last.next = &head_;
    head_.previous = &last;
  }
  /// Calls `visit` for each element; it may unlink the one it is given, and no other.
  template <class Visit>
  void for_each(Visit visit) {
    for (Link* link = head_.next; link != &head_;) {
      Link* next = link->next;
      visit(static_cast<T&>(*link));
      link = next;
    }
  }

 private:
  Link head_;
};

}  // namespace weir::base
