// witness.h - who hears what handlers give to their connections and get from them.
//
// Only a simulation has one: what one end got must be what the other gave, whatever lies between.
// A session without a witness does not ask for it: it tests what it has to test anyway.
#pragma once

#include <weir/connection.h>

namespace weir::detail {

class Session;

class Witness {
 public:
  /// A send has taken these bytes on: they go out after all that were given before.
  virtual void gave(Session& session, Piece bytes) = 0;
  /// A receive has yielded these.
  virtual void got(Session& session, Piece bytes) = 0;
  /// A receive has yielded the end of the stream.
  virtual void got_end(Session& session) = 0;
  /// This side gives the connection up before all that it gave has gone out: it was told to, or a
  /// deadline passed.
  virtual void gave_up(Session& session) noexcept = 0;
  /// Of what was got: these are received once more, by the handler, after a proxy's header.
  virtual void put_back(Session& session, Piece bytes) = 0;

 protected:
  ~Witness() = default;
};

}  // namespace weir::detail
