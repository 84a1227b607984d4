"""Counts what a subscriber receives, over the lives of a server."""
import json
import re
import threading
import time

from processes import PATIENCE, wait_until

NUMBER = re.compile(r'#(\d+);')


def publications(payload):
    """(stream, number) of each publication in |payload|: one, or a batch."""
    parsed = json.loads(payload)
    for one in parsed if isinstance(parsed, list) else [parsed]:
        yield one['stream'], int(NUMBER.search(one['data']).group(1))


class Recorder:
    """Keeps every payload in the order in which it came."""

    def __init__(self):
        self.payloads = []
        self.changed = threading.Condition()
        self.seen = set()
        self.thread = None
        self.subscription = None

    def follow(self, subscription):
        """Records |subscription|, until its server ends it."""
        self.subscription = subscription
        self.thread = threading.Thread(
            target=self._record, args=[subscription], daemon=True)
        self.thread.start()

    def follow_always(self, subscribe):
        """Records what |subscribe| subscribes to, and does so anew when the
        server ends it, until stop()."""
        self.since = None
        self.stopping = False
        self.thread = threading.Thread(
            target=self._record_always, args=[subscribe], daemon=True)
        self.thread.start()
        wait_until(lambda: self.since, 'a subscription')

    def _record_always(self, subscribe):
        while not self.stopping:
            try:
                subscription = self.subscription = subscribe()
            except (OSError, RuntimeError):
                time.sleep(0.005)
                continue
            self.since = time.monotonic()
            self._record(subscription)

    def _record(self, subscription):
        for payload in subscription:
            with self.changed:
                self.payloads.append(payload)
                self.seen.add(payload)
                self.changed.notify_all()
        with self.changed:
            self.subscription = None
            self.changed.notify_all()

    def wait_end(self):
        """Waits until the server has ended the subscription."""
        self.thread.join(PATIENCE)
        if self.thread.is_alive():
            raise AssertionError('the subscription does not end')

    def stop(self):
        self.stopping = True
        subscription = self.subscription
        if subscription:
            subscription.close()
        if self.thread:
            self.wait_end()

    def wait_seen(self, payload):
        """Waits until |payload| came: False if the server has ended first."""
        with self.changed:
            return self.changed.wait_for(
                lambda: payload in self.seen or not self.subscription,
                PATIENCE) and payload in self.seen

    def received(self):
        """(stream, number) of each message."""
        with self.changed:
            payloads = list(self.payloads)
        return [found for payload in payloads
                for found in publications(payload)]
