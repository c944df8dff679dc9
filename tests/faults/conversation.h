// conversation.h - what a server is put through while something fails: three clients, each from
// accept to close, and then one more that has to be served.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>
#include <system_error>
#include <vector>

#include "tests/support/client.h"
#include "tests/support/proc.h"

namespace faults {

using support::Client;

/// What a client gets before its connection ends, however that ends.
inline std::string answer(Client& client) {
  std::string got;
  try {
    for (std::string some; !(some = client.receive_some()).empty();) got += some;
  } catch (const std::system_error&) {}  // It was reset: its right.
  return got;
}

/// Three clients at a time speak to an echo, the third says `last`. None gets a byte that is not
/// its own.
inline void converse(const std::string& address, const std::string& said,
                     const std::string& last) {
  const std::array<const std::string*, 3> what{&said, &said, &last};
  std::vector<Client> clients;
  for (std::size_t i = 0; i < what.size(); ++i) clients.emplace_back(address);
  for (std::size_t i = 0; i < what.size(); ++i) {
    try {
      clients[i].send(*what[i]);
      clients[i].finish();
    } catch (const std::system_error&) {}  // It was reset while it spoke.
  }
  for (std::size_t i = 0; i < what.size(); ++i) {
    const std::string got = answer(clients[i]);
    EXPECT_TRUE(what[i]->starts_with(got)) << got.size() << " bytes, and wrong ones";
  }
}
inline void converse(const std::string& address, const std::string& said) {
  converse(address, said, said);
}

/// One more client, which has to be served. It finishes before it closes, because a child that
/// `fork` has made here holds a copy of the client's socket too.
inline void expect_served(const std::string& address, const std::string& said) {
  Client client(address);
  EXPECT_EQ(client.converse(said), said);
  client.finish();
  EXPECT_EQ(client.receive_to_end(), "");
}

/// Of this process.
inline std::size_t open_descriptors() { return support::descriptors(getpid()); }

}  // namespace faults
