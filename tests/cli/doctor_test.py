"""`weir doctor`: what works here, why not, and the remedy; in poorer places than this one."""
import errno
import json
import subprocess
import unittest

from sandbox import IO_URING_SETUP, forbid, limit_descriptors
from tool import MODELS, PATIENCE, TOOL, run


def poor(make_poorer, *words):
    return subprocess.run([TOOL, *words], capture_output=True, text=True, timeout=PATIENCE,
                          preexec_fn=make_poorer)


def findings(done):
    return {each["name"]: each for each in json.loads(done.stdout)["findings"]}


class Doctor(unittest.TestCase):
    def test_looks_at_every_model_and_agrees_with_models(self):
        found = findings(run("doctor", "--connections", "10", "--json"))
        for each in json.loads(run("models", "--json").stdout):
            self.assertEqual(found[each["model"]]["kind"] == "ok", each["available"])
        self.assertLessEqual(set(MODELS), set(found))

    def test_whatever_is_not_ok_has_a_remedy(self):
        for words in ([], ["--connections", "100000000", "--backlog", "1000000"]):
            for each in findings(run("doctor", "--json", *words)).values():
                self.assertIn(each["kind"], ("ok", "limit", "problem"))
                self.assertEqual(each["remedy"] == "", each["kind"] == "ok", each)
                self.assertNotEqual(each["state"], "")

    def test_text_and_json_say_the_same(self):
        text = run("doctor").stdout
        for each in findings(run("doctor", "--json")).values():
            self.assertRegex(text, rf"(?m)^  {each['kind']} +{each['name']}  ")
            self.assertIn(each["remedy"], text)

    def test_a_problem_is_exit_code_1_and_counted(self):
        done = run("doctor", "--connections", "100000000")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^Problems: \d+\.$")

    def test_bad_input_is_refused(self):
        for words in (["--connections", "0"], ["--model", "kqueue"], ["--backlog", "x"]):
            done = run("doctor", *words)
            self.assertEqual(done.returncode, 2, words)
            self.assertEqual(done.stdout, "")


class IoUringForbidden(unittest.TestCase):
    def doctor(self, error, *words):
        return poor(lambda: forbid(IO_URING_SETUP, error), "doctor", "--connections", "10",
                    "--json", *words)

    def test_names_the_filter_and_what_to_allow(self):
        found = findings(self.doctor(errno.EPERM))
        with open("/proc/sys/kernel/io_uring_disabled", encoding="ascii") as file:
            if file.read().strip() != "0":
                self.skipTest("disabled by sysctl, which is then named first")
        for feature in ("io_uring_setup", "DEFER_TASKRUN", "multishot accept",
                        "multishot receive"):
            self.assertEqual(found[feature]["kind"], "limit", feature)
            self.assertIn("seccomp filter", found[feature]["state"])
            self.assertIn("allow io_uring_setup", found[feature]["remedy"])
        self.assertEqual(found["io-uring"]["kind"], "limit")
        self.assertIn("forbidden", found["io-uring"]["state"])
        self.assertEqual(found["epoll"]["kind"], "ok")

    def test_names_the_version_where_the_kernel_has_none(self):
        found = findings(self.doctor(errno.ENOSYS))
        self.assertIn("needs Linux 5.1 or later", found["io_uring_setup"]["remedy"])
        self.assertIn("6.1", found["DEFER_TASKRUN"]["remedy"])

    def test_automatic_takes_the_next_best_and_says_why(self):
        done = self.doctor(errno.EPERM)
        automatic = json.loads(done.stdout)["automatic"]
        self.assertEqual(automatic["model"], "epoll-et")
        self.assertIn("io-uring is not available", automatic["reason"])
        self.assertEqual(done.returncode, 0)

    def test_is_a_problem_for_who_asks_for_io_uring(self):
        done = self.doctor(errno.EPERM, "--model", "io-uring")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(findings(done)["io-uring"]["kind"], "problem")


class FewDescriptors(unittest.TestCase):
    def doctor(self, *words):
        return poor(lambda: limit_descriptors(64), "doctor", "--json", *words)

    def test_64_are_too_few_for_a_hundred_connections(self):
        done = self.doctor("--connections", "100")
        found = findings(done)["descriptors"]
        self.assertEqual(found["kind"], "problem")
        self.assertIn("64 allowed (at most 64), 132 needed for 100 connections", found["state"])
        self.assertIn("LimitNOFILE=132", found["remedy"])
        self.assertEqual(done.returncode, 1)

    def test_64_are_enough_for_ten(self):
        done = self.doctor("--connections", "10")
        self.assertEqual(findings(done)["descriptors"]["kind"], "ok")
        self.assertEqual(done.returncode, 0)

    def test_it_examines_with_hardly_any_left(self):
        done = poor(lambda: limit_descriptors(8), "doctor", "--json", "--connections", "1")
        self.assertIn(done.returncode, (0, 1), done.stderr)
        self.assertEqual(findings(done)["descriptors"]["kind"], "problem")


if __name__ == "__main__":
    unittest.main()
