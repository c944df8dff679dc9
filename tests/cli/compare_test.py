"""`weir compare` for real, in small, and its report in a browser."""
import json
import os
import tempfile
import unittest

import browser
from tool import run

SMALL = ["--duration", "0.25", "--warm-up", "0.02", "--repeats", "2", "--seed", "7"]
# On a machine too busy to look in time, CPU time is not known, and said not to be.
MAY_BE_UNKNOWN = {"cpu_us", "user_us", "system_us"}
METRICS = {"requests_per_s", "cpu_us", "user_us", "system_us", "p50_us", "p99_us", "p999_us",
           "calls", "switches", "memory"}


def compare(*options, directory, code=0):
    json_path = os.path.join(directory, "result.json")
    html_path = os.path.join(directory, "result.html")
    done = run("compare", "--json", json_path, "--html", html_path, *SMALL, *options)
    if done.returncode != code:
        raise AssertionError(f"exit code {done.returncode}: {done.stdout}{done.stderr}")
    with open(json_path, encoding="utf-8") as file:
        return json.load(file), done.stdout, html_path


class Compare(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.data, cls.out, cls.html = compare(
            "--models", "poll,epoll-et,iterative", "--connections", "1,70", "--idle", "0,30,300",
            "--message", "64", "--pipeline", "1,4", directory=cls.directory.name)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def row(self, cell, subject):
        return next(row for row in self.data["cells"][cell]["rows"]
                    if row["subject"] == subject)

    def test_each_subject_is_right_and_has_its_verdict(self):
        names = [subject["name"] for subject in self.data["subjects"]]
        self.assertEqual(names, ["poll", "epoll-et", "iterative", "epoll-et (A/A)"])
        for subject in self.data["subjects"]:
            self.assertEqual(subject["verdict"], "every byte came back")
            self.assertGreater(subject["clients"], 0)
            self.assertGreater(subject["requests"], 0)
        self.assertIn("every byte came back", self.out)

    def test_every_cell_has_a_row_for_each(self):
        cells = [each["cell"] for each in self.data["cells"]]
        wanted = [(70, 0, 1), (1, 0, 1), (70, 0, 4), (1, 30, 1), (1, 300, 1)]
        self.assertEqual([(c["connections"], c["idle"], c["pipeline"]) for c in cells], wanted)
        for cell in self.data["cells"]:
            self.assertEqual(len(cell["rows"]), 4)

    def test_figures_are_all_there(self):
        for name in ("poll", "epoll-et"):
            row = self.row(0, name)
            self.assertEqual(set(row["figures"]), METRICS)
            for metric, figure in row["figures"].items():
                if figure is None and metric in MAY_BE_UNKNOWN:
                    continue
                self.assertIsNotNone(figure, metric)
                self.assertLessEqual(figure["min"], figure["median"])
                self.assertLessEqual(figure["median"], figure["max"])
            self.assertEqual(len(row["samples"]), 2)
            self.assertEqual(sum(sample["errors"] for sample in row["samples"]), 0)
            # A receive and a send each; a wait now and then.
            self.assertGreater(row["figures"]["calls"]["median"], 1.9)
            self.assertLess(row["figures"]["calls"]["median"], 3.6)
            if cpu := row["figures"]["cpu_us"]:
                self.assertGreater(cpu["min"], 0)
                split = row["figures"]["user_us"]["min"] + row["figures"]["system_us"]["min"]
                self.assertLessEqual(split, cpu["max"] * 1.001)

    def test_clients_that_are_idle_are_not_charged_to_the_calls_of_a_request(self):
        for name in ("poll", "epoll-et"):
            self.assertLess(self.row(4, name)["figures"]["calls"]["median"], 5)

    def test_what_cannot_run_says_why(self):
        self.assertIn("one client at a time", self.row(0, "iterative")["unavailable"])
        self.assertEqual(self.row(1, "iterative")["unavailable"], "")
        self.assertIn("one client at a time", self.out)

    def test_it_describes_the_machine_and_how_to_run_it_by_hand(self):
        self.assertIn("Linux", self.data["machine"]["kernel"])
        self.assertIn("weir serve echo --model poll", "\n".join(self.data["commands"]))
        self.assertIn("--models 'poll,epoll-et,iterative'", self.data["command"])


@unittest.skipUnless(browser.CHROMIUM, "chromium is not installed")
class Report(unittest.TestCase):
    CHARTS = ("throughput", "cpu", "tail", "idle", "spectrum", "memory")

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        _, out, cls.html = compare("--models", "poll,epoll-et,threads", "--connections", "1,70",
                                   "--idle", "0,30,300", "--message", "64", "--pipeline", "1",
                                   directory=cls.directory.name)
        cls.built = "needs npm" not in out

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def setUp(self):
        if not self.built:
            self.skipTest("the tool was built without the page")

    def look(self, page, name):
        """Keeps a picture where WEIR_PICTURES says, for people."""
        if pictures := os.environ.get("WEIR_PICTURES"):
            page.picture(os.path.join(pictures, name + ".png"))

    def test_every_chart_is_drawn_in_light_and_dark_and_on_a_phone(self):
        grounds = set()
        for name, width, dark in (("light", 1200, False), ("dark", 1200, True),
                                  ("phone", 390, False)):
            with self.subTest(name), browser.Browser(width, 900, dark) as page:
                page.open(self.html)
                for chart in self.CHARTS:
                    drawn = page.run(
                        f"document.querySelector('#chart-{chart} canvas')?.width > 200")
                    self.assertTrue(drawn, chart)
                self.assertEqual(page.run("document.querySelectorAll('figure').length"), 6)
                self.assertLessEqual(page.run("document.documentElement.scrollWidth"), width)
                grounds.add(page.run("getComputedStyle(document.body).backgroundColor"))
                self.look(page, name)
                self.assertEqual(page.errors, [])
        self.assertEqual(len(grounds), 2)

    def test_the_mouse_over_a_chart_shows_its_values(self):
        with browser.Browser(1200, 900) as page:
            page.open(self.html)
            legend = "document.querySelector('#chart-cpu .u-legend').innerText"
            before = page.run(legend)
            place = page.run(
                "(() => { const r = document.querySelector('#chart-cpu .u-over')"
                ".getBoundingClientRect(); return [r.left + r.width / 2, r.top + 99]; })()")
            page.move_mouse(*place)
            after = page.run(legend)
            self.look(page, "hover")
            self.assertNotEqual(before, after)
            self.assertRegex(after, r"connections:?\s*\d+")
            self.assertEqual(page.errors, [])

    def test_it_loads_nothing_from_anywhere(self):
        with browser.Browser() as page:
            page.open(self.html)
            self.assertEqual(page.run("performance.getEntriesByType('resource')"
                                      ".filter((r) => !r.name.startsWith('data:')).length"), 0)

    def test_it_has_tables_reading_machine_and_raw_data(self):
        with browser.Browser() as page:
            page.open(self.html)
            text = page.run("document.body.innerText")
            for part in ("every byte came back", "epoll-et (A/A)", "Machine", "Linux", "Commands",
                         "weir serve echo"):
                self.assertIn(part, text)
            self.assertRegex(text, "Noise:|no measure of the noise")
            raw = json.loads(page.run("document.querySelector('#raw pre').textContent"))
            self.assertEqual(raw["form"], "weir compare 1")


class Against(unittest.TestCase):
    def test_a_foreign_server_takes_part_and_a_wrong_one_is_found(self):
        with tempfile.TemporaryDirectory() as directory:
            script = os.path.join(directory, "serve.py")
            with open(script, "w", encoding="utf-8") as file:
                file.write(
                    "import socketserver, sys\n"
                    "class Echo(socketserver.BaseRequestHandler):\n"
                    "    def handle(self):\n"
                    "        while data := self.request.recv(65536):\n"
                    "            self.request.sendall(data if sys.argv[2] == 'right'\n"
                    "                                 else data.replace(b'a', b'b'))\n"
                    "socketserver.ThreadingTCPServer.allow_reuse_address = True\n"
                    "socketserver.ThreadingTCPServer(('127.0.0.1', int(sys.argv[1])), Echo)"
                    ".serve_forever()\n")
            data, out, _ = compare(
                "--models", "poll", "--connections", "2", "--idle", "0", "--message", "64",
                "--pipeline", "1",
                "--against", f"right=python3 {script} {{port}} right",
                "--against", f"wrong=python3 {script} {{port}} wrong",
                "--against", "gone=false {port}", directory=directory, code=1)
        verdicts = {each["name"]: each["verdict"] for each in data["subjects"]}
        self.assertEqual(verdicts["right"], "every byte came back")
        self.assertEqual(verdicts["wrong"], "FAILED: wrong bytes")
        self.assertTrue(verdicts["gone"].startswith("FAILED"), verdicts["gone"])
        rows = {row["subject"]: row for row in data["cells"][0]["rows"]}
        self.assertGreater(rows["right"]["figures"]["requests_per_s"]["median"], 0)
        self.assertIsNone(rows["right"]["figures"]["calls"])
        self.assertEqual(rows["wrong"]["samples"], [])
        self.assertIn("wrong bytes", out)

    def test_bad_command_lines_get_one_clear_line(self):
        for words, part in ((["--models", "quick"], "quick"), (["--against", "nonsense"], "nons"),
                            (["--reference", "nobody"], "nobody"),
                            (["--connections", "0"], "0"), (["--repeats", "x"], "x")):
            with self.subTest(words=words):
                done = run("compare", *words)
                self.assertEqual(done.returncode, 2)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertIn(part, done.stderr)


if __name__ == "__main__":
    unittest.main()
