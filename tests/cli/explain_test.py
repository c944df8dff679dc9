"""`weir explain`: the system calls of each model, with the step of its recipe that each is."""
import difflib
import functools
import json
import os
import re
import tempfile
import unittest
from html.parser import HTMLParser

from tool import MODELS, run

ACTS = ["the server starts", "A connects", 'A sends "hello"', "B connects", 'B sends "good day"',
        "A leaves early", 'B sends "bye"', "B leaves"]
WAIT = {"select": "select", "poll": "poll", "epoll-lt": "epoll_wait", "epoll-et": "epoll_wait",
        "io-uring": "io_uring_enter", "nonblocking": "nanosleep"}
LINE = re.compile(r"^  (?:(server|[AB]) +)? *(\d+|listen|wake|end)?  (\w[\w:]*)\((.*?)\)"
                  r"(?: += (.*))?$")


def works(model):
    models = json.loads(run("models", "--json").stdout)
    return next(each for each in models if each["model"] == model)


class Told:
    """What was printed: the acts in order, and of each the lines (lane, step, call, arguments,
    result)."""

    def __init__(self, text):
        self.text = text
        self.acts = {}
        for part in text.split("\n-- ")[1:]:
            title, *lines = part.splitlines()
            self.acts[title] = [found.groups() for line in lines if (found := LINE.match(line))]
        self.lines = [line for lines in self.acts.values() for line in lines]

    def calls(self, act):
        return [line[2] for line in self.acts[act]]

    def index(self, act, call, arguments="", result=""):
        """Where the first such line of the act is; fails without one."""
        for i, line in enumerate(self.acts[act]):
            if line[2] == call and arguments in line[3] and result in (line[4] or ""):
                return i
        raise AssertionError(f"no {call}({arguments}) = {result} in {act}:\n{self.text}")


@functools.cache
def explained(model, *options):
    return explained_anew(model, *options)


def explained_anew(model, *options):
    if not works(model)["available"]:
        raise unittest.SkipTest(works(model)["reason"])
    done = run("explain", model, *options)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return Told(done.stdout)


class Page(HTMLParser):
    """What a page says: headings, and the cells of its lanes."""

    def __init__(self, html):
        super().__init__()
        self.text, self.headings, self.cells, self.differing = "", [], [], []
        self.outside, self.unclosed = [], []
        self.lane, self.row = None, None
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.outside += [each for each in ("src", "href") if each in attributes]
        if tag not in ("meta", "!doctype"):
            self.unclosed.append(tag)
        if tag == "tr":
            self.row = attributes.get("class")
        if tag in ("td", "th"):
            self.lane = attributes.get("class")

    def handle_endtag(self, tag):
        if self.unclosed[-1] == tag:
            self.unclosed.pop()

    def handle_data(self, data):
        self.text += data
        if self.unclosed and self.unclosed[-1] == "th":
            self.headings.append(data)
        if self.unclosed[-2:] == ["td", "code"]:
            self.cells.append((self.lane, data))
            if self.row == "differs":
                self.differing.append((self.lane, data))


class EveryModel(unittest.TestCase):
    def for_each(self, check):
        for model in MODELS:
            with self.subTest(model=model):
                check(model, explained(model))

    def test_tells_the_recipe_and_every_act(self):
        def check(model, told):
            recipe = works(model)
            self.assertTrue(told.text.startswith(f"{model}: {recipe['summary']}\n"))
            for act, wanted in zip(told.acts, ACTS, strict=True):
                self.assertTrue(act.startswith(wanted), act)
            self.assertRegex(told.text, r"(?m)^ +1  \w")
        self.for_each(check)

    def test_each_call_is_a_step_of_the_recipe(self):
        def check(model, told):
            steps = set(re.findall(r"(?m)^ +(\d+|listen|wake|end)  [A-Z]", told.text))
            for lane, step, call, _, _ in told.lines:
                self.assertIn(step, steps, (call, lane))
            self.assertGreater(len(told.lines), 12)
        self.for_each(check)

    def test_starts_with_reuse_bind_listen(self):
        def check(model, told):
            start = "the server starts"
            places = [told.index(start, "socket", result="L"),
                      told.index(start, "setsockopt", "SO_REUSEADDR, 1"),
                      told.index(start, "bind", "L"), told.index(start, "listen", "L")]
            self.assertEqual(places, sorted(places))
        self.for_each(check)

    def test_serves_both_clients_and_closes_their_sockets(self):
        def check(model, told):
            text = told.text
            for words in ("hello", "good day", "bye"):
                self.assertIn(f'"{words}"', text)
            for client in "AB":
                closes = [line for line in told.lines
                          if line[2] in ("close", "sqe:close") and line[3] == client]
                self.assertEqual(len(closes), 2 if model == "fork" else 1, text)
            self.assertNotIn(" fd ", text.split("\n-- ", 1)[1], "a descriptor without a name")
        self.for_each(check)

    def test_waits_by_its_own_call(self):
        def check(model, told):
            waits = {line[2] for line in told.lines} & set(WAIT.values())
            self.assertEqual(waits, {WAIT[model]} if model in WAIT else set())
        self.for_each(check)

    def test_the_same_words_each_time(self):
        def check(model, told):
            # The machine is shared: now and then a thread comes late.
            texts = {told.text}
            for _ in range(8):
                text = explained_anew(model).text
                if text in texts:
                    return
                texts.add(text)
            self.fail("each run told another story:\n" + "\n".join(difflib.unified_diff(
                *(text.splitlines() for text in list(texts)[:2]), lineterm="")))
        self.for_each(check)


class OneModel(unittest.TestCase):
    def test_iterative_lets_the_second_client_wait_until_the_first_has_left(self):
        told = explained("iterative")
        self.assertEqual(told.calls("B connects"), [])
        left = "A leaves early"
        self.assertLess(told.index(left, "close", "A"), told.index(left, "accept4", "L", "B"))
        self.assertLess(told.index(left, "accept4", "L", "B"),
                        told.index(left, "recv", "B", "good day"))

    def test_fork_closes_the_copies_of_both_sides_and_reclaims_the_child(self):
        told = explained("fork")
        self.assertIn(("server", "3", "close", "A", None), told.acts["A connects"])
        self.assertIn(("A", "2", "close", "L", None), told.acts["A connects"])
        left = "A leaves early"
        self.assertLess(told.index(left, "exit"), told.index(left, "waitpid"))
        self.assertEqual({line[0] for line in told.acts['A sends "hello"']}, {"A"})

    def test_threads_serves_each_client_on_a_thread_of_its_own(self):
        told = explained("threads")
        self.assertLess(told.index("A connects", "accept4", "L", "A"),
                        told.index("A connects", "pthread_create"))
        self.assertEqual({line[0] for line in told.acts['B sends "good day"']}, {"B"})
        told.index("A leaves early", "pthread_join")

    def test_nonblocking_asks_everybody_in_turn(self):
        told = explained("nonblocking")
        told.index('B sends "good day"', "recv", "A", "EAGAIN")
        self.assertIn("... and again", told.text)

    def test_select_and_poll_ask_about_everybody_each_time(self):
        for model in ("select", "poll"):
            told = explained(model)
            told.index('B sends "good day"', model, "A IN", "B IN")
            told.index('B sends "bye"', model, "B IN", "B IN")

    def test_the_level_is_registered_for_what_waits_and_the_edge_once_for_both(self):
        level, edge = explained("epoll-lt"), explained("epoll-et")
        level.index("A connects", "epoll_ctl", "E, ADD, A, IN")
        edge.index("A connects", "epoll_ctl", "E, ADD, A, IN|PRI|OUT|RDHUP|ET")
        self.assertNotIn("MOD", edge.text)

    def test_io_uring_asks_once_and_is_told_again_and_again(self):
        told = explained("io-uring")
        requests = [line for line in told.lines if line[2] in ("sqe:accept", "sqe:recv")]
        self.assertEqual([(line[2], line[3]) for line in requests],
                         [("sqe:accept", "L, multishot"), ("sqe:recv", "A, multishot"),
                          ("sqe:recv", "B, multishot")])
        told.index('B sends "bye"', "cqe:recv", "B", "3 bytes, goes on")

    def test_literal_waits_for_writability_before_it_sends(self):
        for model in ("select", "poll", "epoll-lt", "epoll-et"):
            told = explained(model, "--literal")
            act = 'A sends "hello"'
            waits = [i for i, line in enumerate(told.acts[act]) if line[2] == WAIT[model]]
            self.assertLess(told.index(act, "recv", "A", "hello"), waits[1])
            self.assertLess(waits[1], told.index(act, "send", "A"))
            self.assertIn("OUT", told.acts[act][waits[1]][4])


class Options(unittest.TestCase):
    def test_two_models_stand_side_by_side_and_the_difference_is_counted(self):
        done = run("explain", "epoll-lt", "epoll-et")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^  \| .*epoll_ctl\(E, ADD, A, IN\) .*IN\|PRI\|OUT")
        self.assertRegex(done.stdout, r"(?m)^     .*recv\(A, .*recv\(A, ")
        difference = done.stdout.split("The difference, in calls")[1]
        self.assertRegex(difference, r"epoll_wait +7 +10\n")

    def test_a_model_beside_itself_does_not_differ(self):
        done = run("explain", "poll", "poll")
        self.assertNotRegex(done.stdout, r"(?m)^  [<>|] ")

    def test_times_and_all(self):
        self.assertRegex(explained("poll", "--times").text, r"(?m)^ +\d\S* [mun]?s ")
        everything = run("explain", "poll", "--all").stdout
        self.assertIn("sigaction", everything)
        self.assertNotIn("sigaction", run("explain", "poll").stdout)

    def test_the_page_has_a_lane_for_each_client_and_every_line(self):
        with tempfile.TemporaryDirectory() as scratch:
            path = os.path.join(scratch, "page.html")
            done = run("explain", "epoll-lt", "epoll-et", "--html", path)
            self.assertEqual((done.returncode, done.stdout), (0, path + "\n"), done.stderr)
            with open(path, encoding="utf-8") as file:
                page = Page(file.read())
        self.assertEqual(page.unclosed, [])
        self.assertEqual(page.text.count("A leaves early"), 2)
        self.assertEqual(page.outside, [], "a page that needs nothing from elsewhere")
        for lane in ("server", "A", "B"):
            self.assertEqual(page.headings.count(lane), 2)
        for lane, call in (("A", "recv(A, 4096 bytes)"), ("B", "close(B)"),
                           ("server", "epoll_wait(E, for ever)")):
            self.assertIn((lane, call), page.cells)
        self.assertIn(("A", "epoll_ctl(E, ADD, A, IN)"), page.differing)
        self.assertNotIn(("A", "recv(A, 4096 bytes)"), page.differing)

    def test_a_page_that_cannot_be_written_is_an_error(self):
        done = run("explain", "poll", "--html", "/nowhere/page.html")
        self.assertEqual(done.returncode, 2)
        self.assertIn("/nowhere/page.html", done.stderr)

    def test_an_unknown_model_is_refused(self):
        done = run("explain", "kqueue")
        self.assertEqual(done.returncode, 2)
        self.assertIn("kqueue", done.stderr)


if __name__ == "__main__":
    unittest.main()
