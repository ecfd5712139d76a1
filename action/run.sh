#!/usr/bin/env bash
# The Action's second step: inputs become flags one to one, the exit code becomes an outcome.
# Inputs come as environment variables and are only ever words of an array: no shell reads what is in them.
set -euo pipefail

fail() {
  echo "gateline action: $1" >&2
  echo "outcome=usage" >>"$GITHUB_OUTPUT"
  exit 2
}

words=()
split() {
  local more=()
  IFS=$' \t\n' read -r -d '' -a more <<<"$1" || true
  words+=(${more[@]+"${more[@]}"})
}
# `--flag VALUE`, where the input has a value.
value() { if [[ -n "$2" ]]; then words+=("$1=$2"); fi; }
# `--flag`, where the input is true.
flag() {
  case "$2" in
    true) words+=("$1") ;;
    false | "") ;;
    *) fail "input ${1#--} must be true or false" ;;
  esac
}

split "${INPUT_COMMAND:-ci}"
split "${INPUT_ARGS:-}"
words+=(--format=human)
value --workspace "${INPUT_WORKSPACE:-}"
value --policies "${INPUT_POLICIES:-}"
value --policy-ref "${INPUT_POLICY_REF:-}"
value --report-dir "${INPUT_REPORT_DIR:-}"
flag --offline "${INPUT_OFFLINE:-}"
flag --quiet "${INPUT_QUIET:-}"
flag --verbose "${INPUT_VERBOSE:-}"

# The program itself writes `verdict`, `report-dir`, `coverage`, `patch-coverage` and `digest`, where it has them.
code=0
"$GATELINE" "${words[@]}" || code=$?

case "$code" in
  0) outcome=passed ;;
  2) outcome=usage ;;
  3) outcome=nothing-checked ;;
  10) outcome=refused ;;
  11) outcome=rolled-back ;;
  12) outcome=needs-operator ;;
  13) outcome=held ;;
  *) outcome=error ;;
esac
echo "outcome=$outcome" >>"$GITHUB_OUTPUT"
exit "$code"
