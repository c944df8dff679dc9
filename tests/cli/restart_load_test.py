"""Restarts under load on every model, with thread and with process workers: the long version of
what restart_test.py does on two shapes."""
import unittest

import churn
import tool
from service import REAPED, Service, adopt_orphans, in_full

RESTARTS = 20
THREADS = ("--workers", "2", "--worker-kind", "thread")
PROCESSES = ("--workers", "2", "--worker-kind", "process")
# In restart_test.py stand epoll-et with a listener that two threads share, and the automatic model
# with two processes, each with a listener of its own.
OTHERS = {"epoll-et": (("--reuse-port", *THREADS), PROCESSES)}


def setUpModule():
    adopt_orphans()


@unittest.skipUnless(in_full(), "only with WEIR_FULL")
class Load(unittest.TestCase):
    def loses_nobody(self, model):
        if not tool.available(model):
            self.skipTest(f"{model} is not available here")
        # Of those who stay, others would wait for ever.
        staying = 0 if model == "iterative" else churn.STAYING
        for shape in OTHERS.get(model, (THREADS, PROCESSES)):
            options = ("--model", model, *shape)
            with self.subTest(options=options), Service("echo", *options) as server:
                old, counts = churn.under(server, RESTARTS, staying)
                print(f"{' '.join(options)}: {RESTARTS} restarts, {staying} stay, {counts}",
                      flush=True)
                self.assertEqual(counts.refused + counts.reset + counts.wrong, 0, server.said)
                self.assertEqual(counts.unanswered, 0, server.said)
                self.assertGreater(counts.connections, 100)
                for process in old:
                    self.assertIn(server.exit_code(process), (0, REAPED), server.said)
                self.assertEqual(server.stop(), 0, server.said)
        if staying == 0:
            self.skipTest("clients that stay: it serves one at a time")


def test_of(model):
    return lambda self: self.loses_nobody(model)


for each in tool.MODELS:
    setattr(Load, f"test_loses_nobody_on_{each.replace('-', '_')}", test_of(each))


if __name__ == "__main__":
    unittest.main()
