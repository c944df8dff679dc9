#include "tests/faults/failing_new.h"

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

namespace faults {
namespace {

struct Orders {
  std::atomic<int> to_go;  // 0: nothing is to fail
  std::atomic<std::uint64_t> fired;
};

constinit std::atomic<Orders*> orders{nullptr};
constinit thread_local bool exempt = false;

bool is_its_turn() noexcept {
  Orders* const given = orders.load(std::memory_order_acquire);
  if (given == nullptr || exempt || given->to_go.load(std::memory_order_relaxed) <= 0)
    return false;
  if (given->to_go.fetch_sub(1) != 1) return false;
  ++given->fired;
  return true;
}

void* allocate(std::size_t size, std::size_t alignment) noexcept {
  if (is_its_turn()) return nullptr;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(size == 0 ? 1 : size);
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void* allocate_or_throw(std::size_t size, std::size_t alignment) {
  void* const memory = allocate(size, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

FailingNew::FailingNew() {
  void* memory =
      mmap(nullptr, sizeof(Orders), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  orders = new (memory) Orders{};
}

FailingNew::~FailingNew() { munmap(orders.exchange(nullptr), sizeof(Orders)); }

void FailingNew::arm(int nth) noexcept { orders.load()->to_go = nth; }
bool FailingNew::disarm() noexcept { return orders.load()->to_go.exchange(0) <= 0; }
std::uint64_t FailingNew::fired() const noexcept { return orders.load()->fired; }

Exempt::Exempt(bool on) noexcept : before_(std::exchange(exempt, on)) {}
Exempt::~Exempt() { exempt = before_; }

}  // namespace faults

void* operator new(std::size_t size) { return faults::allocate_or_throw(size, 1); }
void* operator new[](std::size_t size) { return faults::allocate_or_throw(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return faults::allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return faults::allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return faults::allocate(size, 1);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return faults::allocate(size, 1);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
