#!/usr/bin/env python3
"""Tests of tools/tidy: a clean tree passes, and each rule catches what is planted in that tree."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

TIDY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tidy")

CLEAN = {
    "CMakeLists.txt": "add_subdirectory(src)\n",
    "include/weir/chunk.h": "/// Bytes.\n#pragma once\n\n"
                            "#include <cstddef>\n#include <weir/task.h>\n",
    "include/weir/task.h": "#pragma once\n\n#include <coroutine>\n",
    "src/CMakeLists.txt": "add_library(weir base/prng.cpp os/fd.cpp os/clock.cpp os/epoll.cpp\n"
                          "            os/ring.cpp model/epoll.cpp model/registry.cpp)\n",
    "src/base/prng.cpp": '#include "base/prng.h"\n\nint three() { return 3; }\n',
    "src/base/prng.h": "#pragma once\n",
    "src/os/fd.h": "#pragma once\n",
    "src/os/fd.cpp": '#include "os/fd.h"\n\n#include <unistd.h>\n\n'
                     "void shut(int fd) { system_call(CallKind::close, ::close, fd); }"
                     "  // strcpy() only in words\n",
    "src/os/clock.cpp": "#include <chrono>\n\n"
                        "auto now() { return std::chrono::steady_clock::now(); }\n",
    "src/os/epoll.cpp": "#include <sys/epoll.h>\n",
    "src/os/ring.cpp": "#include <liburing.h>\n",
    "src/model/epoll.cpp": "// epoll.cpp - a model.\n//\n// Recipe\n//   1. Wait.\n\n"
                           '#include "engine/readiness.h"\n\nconst char* name = "strcpy(";\n',
    "src/model/registry.cpp": '#include "model/registry.h"\n\nconst char* all[] = {"iterative",\n'
                              '  "fork", "threads", "select", "poll", "epoll-lt"};\n',
    "cli/CMakeLists.txt": "add_executable(weir_tool main.cpp)\n",
    "cli/main.cpp": "#include <CLI/CLI.hpp>\n#include <weir/task.h>\n\nint main() {}\n",
    "examples/CMakeLists.txt": "foreach(name echo)\n  weir_example(${name})\nendforeach()\n",
    "examples/echo.cpp": "#include <weir/task.h>\n\nint main() {}\n",
    "tests/CMakeLists.txt": "add_executable(tests\n  unit/task_test.cpp)  # lost_test.cpp\n",
    "tests/unit/task_test.cpp": "#include <sys/socket.h>\n\nint a = 10'000;\n",
    "docs/README.md": "| " + "wide " * 40 + "|\n",
}


def function_of(lines):
    return "int long_one(int a) {\n" + "  ++a;\n" * (lines - 3) + "  return a;\n}\n"


# (rule, path, what is appended to that file, or its whole text where it is new)
PLANTED = [
    ("layer", "include/weir/chunk.h", "#include <unistd.h>\n"),
    ("layer", "include/weir/chunk.h", '#include "base/prng.h"\n'),
    ("layer", "include/weir/chunk.h", "#include <fmt/core.h>\n"),
    ("layer", "src/base/prng.cpp", "#include <sys/socket.h>\n"),
    ("layer", "src/base/prng.cpp", '#include "os/fd.h"\n'),
    ("layer", "src/base/prng.cpp", '#include "src/os/fd.h"\n'),
    ("layer", "src/os/fd.cpp", '#include "engine/engine.h"\n'),
    ("layer", "src/os/fd.cpp", '#include "fd.h"\n'),
    ("layer", "src/model/epoll.cpp", '#include "server/server.h"\n'),
    ("layer", "src/model/epoll.cpp", "#include <errno.h>\n"),
    ("layer", "src/session/session.h", '#pragma once\n#include "os/fd.h"\n'),
    ("layer", "src/simulation/world.h", '#pragma once\n#include "os/fd.h"\n'),
    ("layer", "src/unknown/thing.h", "#pragma once\n"),
    ("layer", "cli/main.cpp", '#include "src/base/prng.h"\n'),
    ("layer", "cli/main.cpp", '#include "base/prng.h"\n'),
    ("layer", "cli/main.cpp", "#include <sys/wait.h>\n"),
    ("layer", "examples/echo.cpp", "#include <unistd.h>\n"),
    ("heavy", "include/weir/chunk.h", "#include <iostream>\n"),
    ("home", "src/os/fd.cpp", "#include <sys/epoll.h>\n"),
    ("home", "src/os/epoll.h", "#pragma once\n#include <sys/epoll.h>\n"),
    ("home", "src/os/fd.cpp", "#include <sys/select.h>\n"),
    ("home", "src/os/fd.cpp", "#include <poll.h>\n"),
    ("home", "src/os/fd.cpp", "#include <liburing.h>\n"),
    ("file-size", "src/base/prng.h", "int x;\n" * 400),
    ("file-size", "tools/long.py", "x = 1\n" * 401),
    ("function-size", "src/base/prng.cpp", function_of(61)),
    ("function-size", "src/base/prng.cpp",
     "namespace weir {\nstruct S {\n" + function_of(61) + "};}\n"),
    ("columns", "src/base/prng.cpp", "// " + "x" * 98 + "\n"),
    ("unsafe-call", "src/base/prng.cpp", "void f(char* a) { strcpy(a, a); }\n"),
    ("unsafe-call", "tests/unit/task_test.cpp", 'int f() { return atoi("1"); }\n'),
    ("random", "src/base/prng.cpp", "int f() { return rand(); }\n"),
    ("random", "src/base/prng.cpp", "std::random_device seed;\n"),
    ("clock", "src/base/prng.cpp", "auto f() { return std::chrono::steady_clock::now(); }\n"),
    ("clock", "src/os/fd.cpp", "void f(timespec* t) { clock_gettime(0, t); }\n"),
    ("sleep", "src/base/prng.cpp", "void f() { usleep(1); }\n"),
    ("sleep", "cli/main.cpp", "void f(auto t) { std::this_thread::sleep_for(t); }\n"),
    ("print", "src/base/prng.cpp", 'void f() { printf("x"); }\n'),
    ("print", "src/base/prng.cpp", 'void f() { std::cout << "x"; }\n'),
    ("assert", "src/base/prng.cpp", "void f(int a) { assert(a); }\n"),
    ("assert", "src/base/prng.cpp", "#include <cassert>\n"),
    ("using-namespace", "src/base/prng.h", "using namespace std;\n"),
    ("system-call", "src/base/prng.cpp", "int f() { return ::socket(1, 2, 3); }\n"),
    ("untapped", "src/os/socket.cpp", "int f(int fd) { return close(fd); }\n"),
    ("pools", "include/weir/chunk.h", "#if WEIR_POOLS\n#endif\n"),
    ("await-in-condition", "src/base/prng.cpp", "t f() { if (!co_await g(a())) co_return; }\n"),
    ("await-in-condition", "src/base/prng.cpp", "t f() { while ((c = co_await g())) h(); }\n"),
    ("detach", "src/base/prng.cpp", "void f(std::thread t) { t.detach(); }\n"),
    ("not-compiled", "tests/unit/lost_test.cpp", "int x;\n"),
    ("not-compiled", "src/base/lost.cpp", "int x;\n"),
    ("not-compiled", "examples/lost.cpp", "int x;\n"),
    ("trailing-space", "src/base/prng.h", "int x; \n"),
    ("tab", "src/base/prng.h", "\tint x;\n"),
    ("final-newline", "src/base/prng.h", "int x;"),
    ("final-newline", "src/base/prng.h", "int x;\n\n"),
    ("open-end", "src/base/prng.h", "// TO" + "DO: later\n"),
    ("open-end", "docs/README.md", "FIX" + "ME\n"),
    ("pragma-once", "src/base/bare.h", "int x;\n"),
    ("recipe", "src/model/poll.cpp", "int x;\n"),
    ("registry", "src/base/prng.cpp",
     'const char* n[] = {"iterative", "fork", "threads", "select", "poll", "io-uring"};\n'),
    ("registry", "cli/main.cpp", "".join(f"auto {m} = weir::Model::{m};\n" for m in (
        "iterative", "fork", "threads", "poll", "epoll_lt", "epoll_et"))),
    ("encoding", "src/base/latin.h", b"#pragma once\n// \xe9\n"),
]

# What looks like a violation and is none.
INNOCENT = [
    ("src/base/prng.cpp", "t f() { while (Chunk c = co_await p.receive()) co_await g(c); }\n"),
    ("src/base/prng.cpp", "t f() { if (g(h(), i(j()))) co_await k(); }\n"),
    ("src/base/prng.cpp", "static_assert(sizeof(int) == 4);\n"),
    ("src/base/prng.cpp", "void f(char* a) { std::snprintf(a, 1, \"x\"); }\n"),
    ("src/base/prng.cpp", "// printf(\"x\"), std::cout, ::socket(1, 2, 3), rand()\n"),
    ("src/base/prng.cpp", "int Server::listen(int a) { return e.connect(a) + weir::close(a); }\n"),
    ("src/base/prng.cpp", "/* strcpy(a, b)\n   strcat(a, b) */\n"),
    ("src/base/prng.cpp", function_of(60)),
    ("src/base/prng.cpp", "namespace weir {\nstruct S {\n" + "  int x;\n" * 70 + "};\n}\n"),
    ("src/base/prng.cpp", "struct S : T<decltype(x())> {\n" + "  int x;\n" * 30 + "};\n"),
    ("src/base/prng.cpp", 'const char* n[] = {"select", "poll", "epoll-lt"};\n'),
    ("src/os/fd.cpp", "int f() { return system_call(CallKind::socket, ::socket, 1, 2, 3); }\n"),
    ("tests/unit/task_test.cpp", "auto f() { return std::chrono::steady_clock::now(); }\n"),
    ("build/release/generated.cpp", "int x; \n"),
    ("node_modules/a/a.cpp", "int x; \n"),
]


class Tidy(unittest.TestCase):
    def run_on(self, path=None, content=""):
        with tempfile.TemporaryDirectory() as root:
            for name, text in CLEAN.items():
                self.write(root, name, text.encode())
            if path:
                added = content if isinstance(content, bytes) else content.encode()
                self.write(root, path, CLEAN.get(path, "").encode() + added)
            done = subprocess.run([sys.executable, TIDY, root], capture_output=True, text=True)
        return done.returncode, done.stdout

    def write(self, root, name, content):
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)

    def test_a_clean_tree_passes(self):
        code, output = self.run_on()
        self.assertEqual(output, f"tidy: 0 findings in {len(CLEAN)} files\n")
        self.assertEqual(code, 0)

    def test_each_planted_violation_is_found(self):
        for rule, path, content in PLANTED:
            with self.subTest(rule=rule, path=path, content=content[:40]):
                code, output = self.run_on(path, content)
                self.assertRegex(output, rf"(?m)^{path}:\d+: {rule}: ")
                self.assertEqual(code, 1)

    def test_what_only_looks_like_a_violation_is_not_reported(self):
        for path, content in INNOCENT:
            with self.subTest(path=path, content=content[:40]):
                code, output = self.run_on(path, content)
                self.assertEqual(code, 0, output)

    def test_bad_usage_is_one_line_and_exit_code_2(self):
        for arguments in (["--nonsense"], ["/no/such/directory"], ["a", "b"]):
            done = subprocess.run([sys.executable, TIDY, *arguments],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stderr.count("\n"), 1)
            self.assertEqual(done.stdout, "")

    def test_every_rule_has_a_planted_violation(self):
        with open(TIDY, encoding="utf-8") as file:
            text = file.read()
        rules = set(re.findall(r'report\([^"]*"([a-z-]+)",', text)) | set(
            re.findall(r'^    \("([a-z-]+)", (?:CODE|OURS|LIB|HEADER|r")', text, re.M))
        self.assertEqual(rules, {rule for rule, _, _ in PLANTED})


if __name__ == "__main__":
    unittest.main()
