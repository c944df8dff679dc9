"""Bad input gets one line that says what is wrong, and exit code 2: nothing was started."""
import json
import os
import shutil
import socket
import tempfile
import unittest

from tool import MODELS, available, has_ipv6, run

UNPRIVILEGED = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                "--bounding-set=-all", "--inh-caps=-all"]


def lowest_free_port():
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
        return int(file.read())


class BadInput(unittest.TestCase):
    def assert_refused(self, words, *parts, before=(), environment=None):
        done = run(*words, before=before, environment=environment)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)

    def serve(self, *options):
        return ["serve", "echo", "--listen", "127.0.0.1:0", *options]

    def test_no_command(self):
        self.assert_refused([], "serve", "models")

    def test_an_unknown_command(self):
        self.assert_refused(["brew"], "brew", "serve", "models")

    def test_no_handler(self):
        self.assert_refused(["serve"])

    def test_an_unknown_handler_lists_those_there_are(self):
        self.assert_refused(["serve", "tea"], "tea", "echo", "discard", "chargen", "daytime",
                            "time")

    def test_an_unknown_model_lists_those_there_are(self):
        self.assert_refused(self.serve("--model", "telepathy"), "telepathy", *MODELS)

    def test_an_unknown_model_in_the_environment(self):
        self.assert_refused(self.serve(), "telepathy", "WEIR_MODEL",
                            environment={"WEIR_MODEL": "telepathy"})

    def test_an_unknown_option(self):
        self.assert_refused(self.serve("--frobnicate"), "--frobnicate")

    def test_an_option_without_its_value(self):
        self.assert_refused(self.serve("--workers"), "--workers")

    def test_a_bad_address(self):
        for address in ("nowhere", "127.0.0.1", "127.0.0.1:99999", "127.0.0.1:x", "[::1", ""):
            with self.subTest(address=address):
                self.assert_refused(["serve", "echo", "--listen", address], address)

    def test_workers_out_of_range(self):
        for count in ("0", "-1", "1025", "many", "99999999999999999999"):
            with self.subTest(count=count):
                self.assert_refused(self.serve(f"--workers={count}"), count)

    def test_an_unknown_kind_of_worker(self):
        self.assert_refused(self.serve("--worker-kind", "fibre"), "fibre", "thread", "process")

    def test_a_mode_of_unix_sockets_that_is_none(self):
        for mode in ("rw", "0888", "01777", "-1", "", "0x1b0"):
            with self.subTest(mode=mode):
                self.assert_refused(self.serve(f"--unix-mode={mode}"), "--unix-mode", mode)

    def test_cpus_that_are_none_or_not_ours(self):
        for cpus in ("x", "0,", "5-2", "99999", "some", ""):
            with self.subTest(cpus=cpus):
                self.assert_refused(self.serve(f"--pin={cpus}"), "pin", cpus)

    def test_an_unknown_user(self):
        for user, part in (("no-such-user", "no-such-user"), ("nobody:no-such-group",
                           "no-such-group"), ("root", "root"), ("", "--user")):
            with self.subTest(user=user):
                self.assert_refused(self.serve(f"--user={user}"), "user", part)

    def test_another_user_without_being_root(self):
        before = []
        if os.geteuid() == 0:
            if shutil.which("setpriv") is None:
                self.skipTest("this is root, and setpriv is not installed")
            before = UNPRIVILEGED
            if run("--version", before=before).returncode != 0:
                self.skipTest("this is root, and others cannot run the tool here")
        self.assert_refused(self.serve("--user=daemon"), "only root", before=before)

    def test_stall_after_out_of_range(self):
        for time in ("-1", "5", "3600001", "soon"):
            with self.subTest(time=time):
                self.assert_refused(self.serve(f"--stall-after={time}"), "stall")

    def test_a_port_in_use_names_address_and_cause(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            for model in MODELS:
                if model == "io-uring" and not available(model):
                    continue
                with self.subTest(model=model):
                    self.assert_refused(["serve", "echo", "--model", model, "--listen", address],
                                        address, "in use")

    def test_a_start_that_fails_leaves_no_file_of_a_unix_socket(self):
        with tempfile.TemporaryDirectory() as directory, socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            path = f"{directory}/echo.sock"
            busy = f"127.0.0.1:{taken.getsockname()[1]}"
            for second, part in ((busy, "in use"), (f"unix:{path}", "given twice")):
                with self.subTest(second=second):
                    self.assert_refused(["serve", "echo", "--listen", f"unix:{path}",
                                         "--listen", second], second, part)
                    self.assertEqual(os.listdir(directory), [])

    def test_an_address_that_is_not_ours(self):
        self.assert_refused(["serve", "echo", "--listen", "192.0.2.1:7000"], "192.0.2.1:7000")

    def test_a_link_local_address_without_its_interface(self):
        if not has_ipv6():
            self.skipTest("there is no IPv6 here")
        self.assert_refused(["serve", "echo", "--listen", "[fe80::1]:7000"], "interface")

    def test_whatever_comes_in_stays_one_line(self):
        for words in (["brew\ntea"], ["serve", "te\na"], self.serve("--model", "a\nb"),
                      ["serve", "echo", "--listen", "a\nb:1"], self.serve("--frob\nnicate"),
                      self.serve("--workers", "1\n2"), self.serve("--totals", "x\033[2J")):
            with self.subTest(words=words):
                self.assert_refused(words)

    def test_values_that_are_none(self):
        for option in ("--model", "--listen", "--workers", "--worker-kind", "--connections-max",
                       "--linger", "--outbox-high", "--totals"):
            for value in ("", " ", "-1", "1.5", "0x10", "99999999999999999999999"):
                with self.subTest(option=option, value=value):
                    self.assert_refused(self.serve(f"{option}={value}"))

    def test_a_unix_path_without_its_directory(self):
        path = "unix:/there/is/no/such/directory/echo.sock"
        self.assert_refused(["serve", "echo", "--listen", path], path, "directory does not exist")

    def test_a_unix_path_that_is_a_file_leaves_the_file_alone(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"precious")
            file.flush()
            self.assert_refused(["serve", "echo", "--listen", f"unix:{file.name}"], file.name,
                                "something else of that name")
            with open(file.name, "rb") as again:
                self.assertEqual(again.read(), b"precious")

    def test_a_port_that_is_not_permitted(self):
        if lowest_free_port() <= 7:
            self.skipTest("every port is permitted here")
        before = []
        if os.geteuid() == 0:
            if shutil.which("setpriv") is None:
                self.skipTest("root may use every port, and setpriv is not installed")
            before = UNPRIVILEGED
            if run("--version", before=before).returncode != 0:
                self.skipTest("root may use every port, and others cannot run the tool here")
        self.assert_refused(["serve", "echo", "--listen", "127.0.0.1:7"], "127.0.0.1:7",
                            before=before)


class Models(unittest.TestCase):
    def test_are_listed_with_what_they_do_and_their_limit(self):
        done = run("models")
        self.assertEqual(done.returncode, 0, done.stderr)
        for model in MODELS:
            self.assertRegex(done.stdout, rf"(?m)^{model} ")

    def test_are_listed_for_programs_too(self):
        listed = json.loads(run("models", "--json").stdout)
        self.assertEqual([each["model"] for each in listed], MODELS)
        for each in listed:
            self.assertTrue(each["summary"] and each["limit"], each)
            self.assertTrue(each["available"] or each["reason"], each)


class Help(unittest.TestCase):
    def test_is_there_for_the_tool_and_each_command(self):
        for words in (["--help"], ["serve", "--help"], ["models", "--help"]):
            done = run(*words)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stderr, "")
        self.assertIn("--model", run("serve", "--help").stdout)

    def test_the_version_is_told(self):
        self.assertRegex(run("--version").stdout, r"^weir \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    unittest.main()
