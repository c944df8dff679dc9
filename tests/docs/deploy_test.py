"""What docs/DEPLOY.md gives a reader to copy: it is well formed, agrees with itself, and starts.

usage: deploy_test.py TOOL
"""
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import unittest

try:
    import yaml
except ImportError:
    yaml = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = sys.argv.pop() if len(sys.argv) > 1 else str(ROOT / "build/release/weir")
PAGE = ROOT / "docs" / "DEPLOY.md"
PATIENCE = 60


def start_and_stop(arguments):
    """Runs the tool with these arguments, on a port that the kernel chooses, until it listens and a
    signal stops it; its exit code and what it said."""
    words = [re.sub(r"^(\S*):7000$", "127.0.0.1:0", word) for word in arguments]
    with subprocess.Popen([TOOL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        said = process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        _, more = process.communicate(timeout=PATIENCE)
        return process.returncode, said + more


def after(words, option):
    return words[words.index(option) + 1]


@unittest.skipUnless(yaml, "python3-yaml is not installed")
class Kubernetes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        text = (ROOT / "deploy/kubernetes/weir-echo.yaml").read_text()
        cls.objects = {each["kind"]: each for each in yaml.safe_load_all(text)}
        cls.pod = cls.objects["Deployment"]["spec"]["template"]
        cls.container, = cls.pod["spec"]["containers"]

    def test_it_is_what_it_should_be(self):
        self.assertEqual(set(self.objects), {"Deployment", "Service", "PodDisruptionBudget"})
        for each in self.objects.values():
            self.assertTrue(each["apiVersion"])
            self.assertRegex(each["metadata"]["name"], r"^[a-z0-9-]+$")

    def test_the_grace_period_is_longer_than_preStop_and_drain(self):
        drain = int(after(self.container["args"], "--drain")) / 1000
        sleep, seconds = self.container["lifecycle"]["preStop"]["exec"]["command"]
        self.assertEqual(sleep, "sleep")
        grace = self.pod["spec"]["terminationGracePeriodSeconds"]
        self.assertGreater(grace, drain + int(seconds))

    def test_whoever_is_not_ready_is_out_before_it_stops(self):
        probe = self.container["readinessProbe"]
        _, seconds = self.container["lifecycle"]["preStop"]["exec"]["command"]
        self.assertGreater(int(seconds), probe["periodSeconds"] * probe["failureThreshold"])

    def test_ports_and_labels_agree(self):
        port, = self.container["ports"]
        self.assertEqual(after(self.container["args"], "--listen"), f":{port['containerPort']}")
        for probe in ("readinessProbe", "livenessProbe"):
            self.assertEqual(self.container[probe]["tcpSocket"]["port"], port["name"])
        service, = self.objects["Service"]["spec"]["ports"]
        self.assertEqual(service["targetPort"], port["name"])
        labels = self.pod["metadata"]["labels"]
        for selector in (self.objects["Deployment"]["spec"]["selector"]["matchLabels"],
                         self.objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
                         self.objects["Service"]["spec"]["selector"]):
            self.assertEqual(selector, {key: labels[key] for key in selector})

    def test_a_replica_always_serves(self):
        spec = self.objects["Deployment"]["spec"]
        self.assertEqual(spec["strategy"]["rollingUpdate"]["maxUnavailable"], 0)
        self.assertLess(self.objects["PodDisruptionBudget"]["spec"]["minAvailable"],
                        spec["replicas"])

    def test_its_arguments_start_a_server_that_stops_when_told(self):
        code, said = start_and_stop(self.container["args"])
        self.assertEqual(code, 0, said)
        self.assertIn("listening", said)


class HAProxy(unittest.TestCase):
    CONFIGURATION = ROOT / "deploy/haproxy.cfg"

    @unittest.skipUnless(shutil.which("haproxy"), "haproxy is not installed")
    def test_haproxy_accepts_the_configuration(self):
        done = subprocess.run(["haproxy", "-c", "-f", str(self.CONFIGURATION)],
                              capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_servers_that_it_tells_of_start(self):
        line, = re.findall(r"^#\s+weir (serve .*)$", self.CONFIGURATION.read_text(), re.M)
        code, said = start_and_stop(line.split())
        self.assertEqual(code, 0, said)

    def test_the_page_shows_it_as_it_is(self):
        shown = "".join("    " + line if line.strip() else line
                        for line in self.CONFIGURATION.read_text().splitlines(keepends=True))
        self.assertIn(shown, PAGE.read_text())


if __name__ == "__main__":
    unittest.main()
