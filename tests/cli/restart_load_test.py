"""Restarts under load on every model, with thread and with process workers: the long version of
what restart_test.py does on two shapes."""
import unittest

import churn
import tool
from service import adopt_orphans, in_full

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
            churn.loses_nobody(self, ("--model", model, *shape), RESTARTS, staying)
        if staying == 0:
            self.skipTest("clients that stay: it serves one at a time")


def test_of(model):
    return lambda self: self.loses_nobody(model)


for each in tool.MODELS:
    setattr(Load, f"test_loses_nobody_on_{each.replace('-', '_')}", test_of(each))


if __name__ == "__main__":
    unittest.main()
