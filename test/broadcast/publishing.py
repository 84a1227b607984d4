"""The two programs under test, and what is required of every run: that the
counts are sound at every moment."""
import collections
import json
import os
import subprocess
import threading
import time

from processes import PATIENCE, Program, wait_until

BUILD = os.environ.get('BROADCAST_BUILD', 'build/broadcast')
SANITIZED = bool(os.environ.get('SAN'))

# A sanitizer must not look like an exit status of the program.
ENVIRONMENT = {'ASAN_OPTIONS': 'exitcode=99',
               'TSAN_OPTIONS': 'exitcode=99:atexit_sleep_ms=50',
               'UBSAN_OPTIONS': 'exitcode=99:print_stacktrace=1'}

FATES = ('published', 'failed', 'dropped', 'unknown')

Fate = collections.namedtuple('Fate', 'name receivers seconds reason')


class Failed(AssertionError):
    pass


def _environment(settings):
    """The settings of the test, and none of who runs it."""
    kept = {k: '' for k in os.environ
            if k.startswith('ANYCABLE_') or k == 'REDIS_URL'}
    return {**kept, **ENVIRONMENT,
            **{k: str(v) for k, v in settings.items()}}


class Publisher:
    """A run of publisher.c: |settings| are environment variables, |flags| what
    it knows (count=1000), with a list for what comes several times."""

    def __init__(self, test, settings, **flags):
        self.endless = flags.get('count') == 0
        self.number = test.next_number()
        self.fates_path = os.path.join(test.folder, 'fates%d' % self.number)
        words = [os.path.join(BUILD, 'publisher'),
                 '--fates=' + self.fates_path]
        for name, value in flags.items():
            for one in value if isinstance(value, list) else [value]:
                words.append('--' + name if one is True else
                             '--%s=%s' % (name, one))
        self.program = Program(
            test, 'publisher%d' % self.number, words,
            env=_environment(settings),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.states = {}       # the last one of each event
        self.samples = 0
        self.flaws = []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        last = {}
        for line in self.program.process.stdout:
            state = json.loads(line)
            self._check(state, last)
            last = state if state['event'] != 'end' else last
            self.samples += 1
            self.states[state['event']] = state
            self.states['now'] = state

    def _check(self, state, last):
        """Whatever happens, every message has one place, and keeps its fate."""
        total = sum(state[fate] for fate in FATES) + state.get('queued', 0)
        if total != state['taken']:
            self.flaws.append('%d of %d messages: %s' % (
                total, state['taken'], state))
        for name in ('taken', *FATES):
            if state[name] < last.get(name, 0):
                self.flaws.append('%s went down: %s, then %s' % (
                    name, last, state))

    def now(self, name):
        """The newest that is known of a count."""
        return self.states.get('now', {}).get(name, 0)

    def wait(self, condition, what, patience=PATIENCE):
        """Waits until |condition| is true of this publisher."""
        def look():
            if not self.program.running() and 'end' not in self.states:
                self.thread.join(PATIENCE)
                if 'end' not in self.states:
                    self.fail('it ended')
            return condition(self)
        try:
            return wait_until(look, what, patience)
        except AssertionError as error:
            self.fail(str(error))

    def fresh(self, name):
        """What a count is now, and not when it was printed last."""
        asked = time.monotonic()
        self.wait(lambda p: p.now('us') / 1e6 > asked, 'a sample')
        return self.now(name)

    def wait_published(self, more):
        """Waits until |more| than now are published."""
        goal = self.fresh('published') + more
        self.wait(lambda p: p.now('published') >= goal,
                  '%d more published' % more)

    def wait_event(self, event, patience=PATIENCE):
        return self.wait(lambda p: p.states.get(event), event, patience)

    def stop(self):
        """Publishes no more. What is queued still has its chance."""
        if not self.program.process.stdin.closed:
            self.program.process.stdin.close()

    def finish(self, patience=60):
        """Waits until all is published, or at once if there is no end to it.
        Returns what it said at the end, which is sound."""
        if self.endless:
            self.stop()
        try:
            status = self.program.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.fail('it does not end')
        self.thread.join(PATIENCE)
        if status != 0:
            self.fail('exit status %d' % status)
        if self.flaws:
            self.fail('%d flaws, the first: %s' % (
                len(self.flaws), self.flaws[0]))
        end = self.states['end']
        self._check_fates(end)
        return end

    def _check_fates(self, end):
        if end['errors'] or end['wrong_tags']:
            self.fail('%s' % end)
        flushed = self.states['flushed']
        if flushed['taken'] != end['taken']:
            self.fail('%s, but calls and callbacks saw %s' % (flushed, end))
        for name in FATES:
            # The end can only add to what there was when it began.
            if flushed[name] > end[name]:
                self.fail('%s, then %s' % (flushed, end))
        if end['unknown'] + end['dropped'] - flushed['unknown'] - \
                flushed['dropped'] + end['published'] - flushed['published'] \
                + end['failed'] - flushed['failed'] != flushed['queued']:
            self.fail('%s, then %s' % (flushed, end))

    def fates(self):
        """What became of each number. No number has two fates."""
        fates = {}
        with open(self.fates_path) as lines:
            for line in lines:
                number, name, receivers, us, reason = \
                    line.rstrip('\n').split(' ', 4)
                if int(number) in fates:
                    self.fail('%s has a fate already: %s, now %s' % (
                        number, fates[int(number)], line))
                fates[int(number)] = Fate(
                    name, int(receivers), int(us) / 1e6, reason)
        return fates

    def fail(self, why):
        raise Failed('%s\n%s\n%s' % (
            why, self.states.get('now'), self.program.said()[-4000:]))


class Teller:
    """A run of teller.c: each call is one of the library, and returns what
    that returned."""

    def __init__(self, test, settings):
        self.program = Program(
            test, 'teller%d' % test.next_number(),
            [os.path.join(BUILD, 'teller')], env=_environment(settings),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, command, **fields):
        out = [b'%s %d\n' % (command.encode(), len(fields))]
        for name, value in fields.items():
            if isinstance(value, (bool, int)):
                value = str(int(value))
            data = value if isinstance(value, bytes) else value.encode()
            out.append(b'%s %d\n%s\n' % (name.encode(), len(data), data))
        process = self.program.process
        process.stdin.write(b''.join(out))
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise Failed('it is gone: ' + self.program.said()[-4000:])
        return json.loads(line)

    def publish(self, stream, data, **options):
        return self.ask('publish', stream=stream, data=data,
                        **options)['result']

    def string(self, stream, data, **options):
        return self.ask('string', stream=stream, data=data,
                        **options)['result']

    def disconnect(self, identifiers, reconnect):
        return self.ask('disconnect', identifiers=identifiers,
                        reconnect=reconnect)['result']

    def begin(self):
        return self.ask('begin')['result']

    def end(self):
        return self.ask('end')['result']

    def flush(self, ms=10000):
        return self.ask('flush', ms=ms)['result']

    def counts(self):
        return self.ask('counts')

    def finish(self):
        self.program.process.stdin.close()
        status = self.program.process.wait(PATIENCE)
        if status != 0:
            raise Failed('exit status %d: %s' % (
                status, self.program.said()[-4000:]))
