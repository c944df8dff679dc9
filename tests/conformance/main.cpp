// main.cpp - runs the conformance suite, on every model of the registry.
//
// usage: conformance [--list-shapes] [GoogleTest options]
#include <cstring>
#include <iostream>

#include "tests/conformance/conformance.h"

namespace conformance {

INSTANTIATE_TEST_SUITE_P(Every_model, Conformance, testing::ValuesIn(all_shapes()), test_name);
INSTANTIATE_TEST_SUITE_P(Every_model, SingleWorker, testing::ValuesIn(single_shapes()),
                         test_name);

}  // namespace conformance

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--list-shapes") == 0) {
    for (const auto& shape : conformance::all_shapes()) std::cout << shape.name() << "\n";
    return 0;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
