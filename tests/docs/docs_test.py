"""The documents: what they show compiles, and what they link to is there.

usage: docs_test.py COMPILER
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPILER = sys.argv.pop() if len(sys.argv) > 1 else "c++"
PAGES = [page for page in sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/*.md"))]

# What a reader of a page has in mind when a block is not a whole program.
PRELUDE = """\
#include <chrono>
#include <string>
#include <weir/weir.h>
using namespace std::chrono_literals;
"""


def blocks(page):
    return re.findall(r"^```cpp\n(.*?)^```$", page.read_text(), re.S | re.M)


class Documents(unittest.TestCase):
    def compile(self, name, text):
        with tempfile.TemporaryDirectory() as scratch:
            source = pathlib.Path(scratch, "page.cpp")
            source.write_text(text)
            command = [COMPILER, "-std=c++20", "-Wall", "-Wextra", "-fsyntax-only",
                       f"-I{ROOT}/include", str(source)]
            done = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, f"{name}\n{text}\n{done.stderr}")

    def test_every_block_of_code_compiles(self):
        for page in PAGES:
            text = PRELUDE
            for number, block in enumerate(blocks(page)):
                # Each block with a main() of its own is a program; later ones may use what
                # earlier ones define.
                text += f"namespace block_{number} {{\n" if "#include" not in block else ""
                text += re.sub(r"\bint main\(\)", f"int main_{number}()", block)
                text += "}\n" + f"using namespace block_{number};\n" if "#include" not in block \
                    else ""
            if blocks(page):
                with self.subTest(page=page.name):
                    self.compile(page.name, text)

    def test_the_server_of_the_readme_is_the_example(self):
        example = (ROOT / "examples/echo.cpp").read_text()
        code = example[example.index("#include"):]
        for name in ("README.md", "README.zh-CN.md"):
            with self.subTest(page=name):
                self.assertEqual(blocks(ROOT / name)[0], code)

    def test_every_link_leads_somewhere(self):
        found = 0
        for page in PAGES:
            text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.S | re.M)
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                file = (page.parent / path) if path else page
                with self.subTest(page=page.name, link=target):
                    self.assertTrue(file.exists())
                    if anchor:
                        self.assertIn(anchor, anchors(file))
                found += 1
        self.assertGreater(found, 10)


def anchors(page):
    heads = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


if __name__ == "__main__":
    os.chdir(ROOT)
    unittest.main()
