#!/bin/sh
# Runs targets of make one after the other, warnings being errors, and says how
# long each took.
#
#   steps.sh MAKE "VARIABLES" TARGETS...
set -eu

make=$1
variables=$2
shift 2
for target; do
  echo "== make ${variables:+$variables }$target"
  began=$(date +%s)
  # shellcheck disable=SC2086  # variables are words
  $make --no-print-directory WERROR=1 $variables "$target"
  echo "== $target: passed in $(($(date +%s) - began)) s"
done
