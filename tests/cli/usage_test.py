"""Each command called wrongly: one clear line, exit code 2, and nothing was started."""
import os
import shlex
import tempfile
import unittest

from tool import run

NOWHERE = "/nonexistent/directory/file"

WRONG = {
    "load": f"""
        127.0.0.1 | 127.0.0.1:99999 | 127.0.0.1:x | nohost.invalid:80 | 127.0.0.1:0 | '' | :
        127.0.0.1:1 --connections 0 | 127.0.0.1:1 --connections -1 | 127.0.0.1:1 --connections x
        127.0.0.1:1 --message 0 | 127.0.0.1:1 --message 1x | 127.0.0.1:1 --duration 5s
        127.0.0.1:1 --duration -1 | 127.0.0.1:1 --rate 0 | 127.0.0.1:1 --rate fast
        127.0.0.1:1 --arrivals gauss | 127.0.0.1:1 --protocol ftp | 127.0.0.1:1 --pipeline 0
        127.0.0.1:1 --workers 0 | 127.0.0.1:1 --workers 9 --connections 2 | 127.0.0.1:1 --idle -1
        127.0.0.1:1 --churn --pipeline 8 | 127.0.0.1:1 --model telepathy | 127.0.0.1:1 --bogus
        127.0.0.1:1 extra | 127.0.0.1:1 --protocol http --request @{NOWHERE} | 127.0.0.1:1""",
    "compare": f"""
        --models poll, | --models ,poll | --models=poll,,select | --idle 0,
        echo | --models telepathy | --models '' | --models poll,x | --connections 0
        --connections 1,x | --connections '' | --connections 1000000000 | --idle -1 | --message 0
        --pipeline 0 | --duration 0 | --duration abc | --repeats 0 | --repeats x | --against foo
        --against foo= | --against 'foo=cat' | --against 'foo={NOWHERE} {{port}}'
        --against 'foo=no-such-program-here {{port}}' | --reference bogus | --server-cpus 1000
        --server-cpus x | --load-cpus 0- | --seed x | --json {NOWHERE} | --html {NOWHERE}
        --html / | --bogus""",
    "explain": f"""
        '' | telepathy | poll telepathy | poll select epoll-lt | poll --html
        poll --html {NOWHERE} | poll --html '' | poll --html / | --literal | poll --bogus
        simulated | all | -1 | EPOLL | poll,select | poll --times=maybe | --all | --times
        poll --html {NOWHERE} --all | 'epoll lt'""",
    "doctor": """
        poll | --bogus | --connections | --connections 0 | --connections -1 | --connections x
        --connections '' | --connections 1.5 | --connections 1e3 | --connections 0x10
        --connections 99999999999999999999 | --connections 1 2 | --backlog 0 | --backlog -1
        --backlog x | --backlog | --model telepathy | --model | --model '' | --json extra | -x""",
    "simulate": """
        '' | telepathy | echo --seeds 0 | echo --seeds -1 | echo --seeds x | echo --faults rain
        echo --faults '' | echo --faults reset, | echo --model telepathy | echo --model select
        echo --model threads | echo --model fork | echo --workers 0 | echo --workers 65
        echo --threads -1 | echo --threads 100000 | echo --replay 0 | echo --replay -1
        echo --replay x | echo --first 0 | echo --first -1 | echo extra | echo --bogus
        echo --seeds 99999999999999999999""",
    "report merge": f"""
        '' | {NOWHERE} | /dev/null | / | /etc/hostname | --bogus | {NOWHERE} {NOWHERE} | --json""",
}


class Usage(unittest.TestCase):
    def wrong(self, command):
        calls = [call.strip() for line in WRONG[command].splitlines()
                 for call in line.split("|") if call.strip()]
        with tempfile.TemporaryDirectory() as directory:
            before = os.getcwd()
            os.chdir(directory)
            try:
                for call in calls:
                    with self.subTest(f"weir {command} {call}"):
                        end = run(*command.split(), *shlex.split(call))
                        self.assertEqual(end.returncode, 2, end.stderr)
                        self.assertEqual(end.stdout, "")
                        self.assertEqual(end.stderr.count("\n"), 1, end.stderr)
                        self.assertTrue(end.stderr.startswith("weir: "), end.stderr)
                        self.assertEqual(os.listdir(), [], "something was left behind")
            finally:
                os.chdir(before)
        return len(calls)

    def test_load_called_wrongly(self):
        self.assertGreaterEqual(self.wrong("load"), 20)

    def test_compare_called_wrongly(self):
        self.assertGreaterEqual(self.wrong("compare"), 20)

    def test_explain_called_wrongly(self):
        self.assertGreaterEqual(self.wrong("explain"), 20)

    def test_doctor_called_wrongly(self):
        self.assertGreaterEqual(self.wrong("doctor"), 20)

    def test_simulate_called_wrongly(self):
        self.assertGreaterEqual(self.wrong("simulate"), 20)

    def test_report_called_wrongly(self):
        self.wrong("report merge")


if __name__ == "__main__":
    unittest.main()
