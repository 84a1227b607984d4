#!/bin/sh
# What the library calls that would touch the process it lives in: its output,
# environment, signals, locale, its end. Reads the symbols of the objects.
#
#   calls.sh FOLDER, where server/main.o and all others are
set -eu
export LC_ALL=C
: "${NM:=nm}"

# Each line: functions, then the objects that may call them.
rules='
abort exit _exit quick_exit atexit on_exit system popen fork vfork daemon:
printf fprintf vprintf vfprintf dprintf puts fputs putchar putc fputc fwrite
perror fflush stdout stderr: server/main.o
fopen fdopen freopen stdin syslog openlog:
getenv secure_getenv: server/options.o server/main_systemd.o
setenv putenv clearenv:
unsetenv: server/main_systemd.o
environ kill posix_spawn waitpid: server/main_command.o
sigaction signal: server/main_signals.o modules/nats/process.o
sigprocmask raise alarm setitimer:
setlocale newlocale uselocale chdir umask:
strerror strtok gmtime localtime ctime asctime rand srand random srandom:
sleep usleep nanosleep select:
'

find "$1" -name '*.o' | sort | while read -r object; do
  $NM --undefined-only "$object" | awk -v object="${object#"$1"/}" '
    { sub(/^__/, "", $2); sub(/_chk$/, "", $2); sub(/@.*/, "", $2) }
    { print object, $2 }'
done | awk -v rules="$rules" '
  BEGIN {
    n = split(rules, words)
    first = last = 0
    for (i = 1; i <= n; i++) {
      # Behind the colon stand objects, which have a slash.
      if (words[i] ~ /\//) {
        for (j = first; j < last; j++)
          allowed[names[j], words[i]] = 1
        continue
      }
      if (behind)
        first = last
      behind = sub(/:$/, "", words[i])
      names[last++] = words[i]
      forbidden[words[i]] = 1
    }
  }
  { seen++ }
  ($2 in forbidden) && !(($2, $1) in allowed) {
    print $1 " calls " $2 "()"
    status = 1
  }
  END {
    if (seen < 100) {
      print "calls.sh: there are hardly any symbols to look at"
      status = 1
    }
    exit status
  }'
