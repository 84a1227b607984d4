"""What all tests of broadcasting share."""
import collections
import contextlib
import itertools
import os
import shutil
import sys
import tempfile
import unittest


class Scope:
    """What owns programs and their files: the tests of a file together, where
    they share a server, or else each test."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup = self.stack.callback
        self.close = self.stack.close
        self.numbers = itertools.count()
        self.folder = tempfile.mkdtemp(prefix='anycable-broadcast-')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def next_number(self):
        return next(self.numbers)


class BroadcastTest(unittest.TestCase):
    """A test with a folder of its own; all that it starts ends with it."""
    longMessage = True
    maxDiff = 2000

    def setUp(self):
        scope = Scope()
        self.folder, self.next_number = scope.folder, scope.next_number
        self.addCleanup(scope.close)

    def report(self, text, *values):
        """Says what was measured."""
        print('    %s: %s' % (self.id().split('.', 1)[1], text % values),
              flush=True)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, 'w') as file:
            file.write(text)
        return path

    # --- what is required of every run, from a publisher's fates

    def check_received(self, fates, received):
        """|received|: (stream, number) as they came. Each came once, and in
        order; what is PUBLISHED came, and nothing but that and UNKNOWN."""
        times = collections.Counter(number for _, number in received)
        twice = {number for number, n in times.items() if n > 1}
        self.assertEqual(twice, set(), 'came twice')
        self.check_order(received)
        self.check_fates_of(fates, set(times))

    def check_order(self, received):
        last = {}
        for stream, number in received:
            self.assertGreater(number, last.get(stream, -1),
                               'out of order on ' + stream)
            last[stream] = number

    def check_fates_of(self, fates, seen):
        by_name = {}
        for number, fate in fates.items():
            by_name.setdefault(fate.name, set()).add(number)
        published = by_name.get('published', set())
        unknown = by_name.get('unknown', set())
        self.assertEqual(published - seen, set(), 'published, and lost')
        self.assertEqual(seen - published - unknown, set(),
                         'came, but was neither published nor unknown')


def main():
    unittest.main(verbosity=2 if '-v' in sys.argv else 1)
