"""Clients that come and go, and clients that stay, while a server is restarted."""
import asyncio
import dataclasses
import random
import threading
import time

import tool
from service import REAPED, Service

RATE = 500  # New connections a second.
STAYING = 100


@dataclasses.dataclass
class Counts:
    connections: int = 0
    requests: int = 0
    refused: int = 0
    reset: int = 0
    wrong: int = 0
    unanswered: int = 0  # Of new connections: ended in order, but without the answer.
    ended: int = 0  # Of those that stay: ended in order between two requests, as a drain may.
    overtaken: int = 0  # The same, but the next request was on its way already.

    def __str__(self):
        return ", ".join(f"{number:,} {name}" for name, number in vars(self).items())


class Clients:
    def __init__(self, address, staying):
        self.staying = staying
        self.host, _, port = address.rpartition(":")
        self.port = int(port)
        self.counts = Counts()
        self.over = asyncio.Event()
        self.random = random.Random(1)

    async def connect(self):
        try:
            return await asyncio.open_connection(self.host, self.port)
        except ConnectionRefusedError:
            self.counts.refused += 1
        except ConnectionResetError:
            self.counts.reset += 1
        return None

    async def ask(self, reader, writer):
        """One request: True when the answer is right, False when there is none."""
        data = self.random.randbytes(self.random.choice((1, 10, 100, 1000, 20_000)))
        try:
            writer.write(data)
            answer = await asyncio.wait_for(reader.readexactly(len(data)), tool.PATIENCE)
        except asyncio.IncompleteReadError as error:
            self.counts.wrong += bool(error.partial)
            return False
        except (ConnectionResetError, BrokenPipeError):
            self.counts.reset += 1
            return False
        self.counts.requests += 1
        self.counts.wrong += answer != data
        return True

    async def come_and_go(self):
        self.counts.connections += 1
        ends = await self.connect()
        if ends is None:
            return
        reader, writer = ends
        if not await self.ask(reader, writer):
            self.counts.unanswered += 1
        writer.close()

    async def stay(self):
        """Asks now and then; connects anew when the server has ended the connection."""
        while not self.over.is_set():
            ends = await self.connect()
            if ends is None:
                continue
            reader, writer = ends
            while not self.over.is_set():
                if reader.at_eof():
                    self.counts.ended += 1
                    break
                if not await self.ask(reader, writer):
                    self.counts.overtaken += 1
                    break
                await asyncio.sleep(self.random.uniform(0.01, 0.2))
            writer.close()

    async def run(self):
        staying = [asyncio.create_task(self.stay()) for _ in range(self.staying)]
        tasks, due = set(), time.monotonic()
        while not self.over.is_set():
            # Those that are late are made up for: the rate is kept on average.
            while due <= time.monotonic():
                due += 1 / RATE
                task = asyncio.create_task(self.come_and_go())
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            await asyncio.sleep(max(0, due - time.monotonic()))
        await asyncio.gather(*tasks, *staying)


def under(server, restarts, staying=STAYING):
    """Restarts the server under load: the processes that served, and what became of the clients.

    A process that is left drains as long as a client that stays keeps it busy.
    """
    clients = Clients(server.address, staying)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(clients.run(),))
    thread.start()
    old = []
    try:
        for _ in range(restarts):
            seen = clients.counts.connections
            if not tool.eventually(lambda: clients.counts.connections > seen + RATE // 2):
                raise AssertionError("the load has ended")
            old.append(server.restart())
    finally:
        loop.call_soon_threadsafe(clients.over.set)
        thread.join()
        loop.close()
    return old, clients.counts


def loses_nobody(test, options, restarts, staying=STAYING):
    """Restarts a server with these options under load, and expects that no client notices."""
    with test.subTest(options=options), Service("echo", *options) as server:
        old, counts = under(server, restarts, staying)
        print(f"{' '.join(options)}: {restarts} restarts, {staying} stay, {counts}", flush=True)
        test.assertEqual(counts.refused + counts.reset + counts.wrong, 0, server.said)
        test.assertEqual(counts.unanswered, 0, server.said)
        test.assertGreater(counts.connections, 100)
        for process in old:
            test.assertIn(server.exit_code(process), (0, REAPED), server.said)
        test.assertEqual(server.stop(), 0, server.said)
