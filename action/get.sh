#!/usr/bin/env bash
# The Action's program: `find` takes the released one, where the pin file beside this script names it and checksum and
# provenance match; `build` makes it from the Action's own source. Both leave it at $RUNNER_TEMP/gateline-action/gateline.
set -euo pipefail

folder="$RUNNER_TEMP/gateline-action"
program="$folder/gateline"
pin="$GITHUB_ACTION_PATH/pin"
source="$GITHUB_ACTION_PATH/.."

say() { echo "gateline action: $1" >&2; }
output() { echo "$1=$2" >>"$GITHUB_OUTPUT"; }

# SHA-256, as the system has it.
if command -v sha256sum >/dev/null; then sha=(sha256sum); else sha=(shasum -a 256); fi
# The sum of a file, or of standard input, alone.
sum() { "${sha[@]}" -- "$@" | cut -d ' ' -f 1; }

# What a released program has, where this source has it: reviews and the verbs `github …`.
features=()
if grep -q '^github = ' "$source/xtask/Cargo.toml"; then features=(--features github); fi

# What the program is built from, so that a cached one is never of another source or toolchain.
key() {
  {
    rustc -vV || true
    echo "${features[*]-}"
    cd "$source"
    find Cargo.toml Cargo.lock .cargo xtask src -type f -print0 | LC_ALL=C sort -z | xargs -0 "${sha[@]}"
  } | sum
}

# Fetches the pinned program. 1: there is none to be had, so it is built. An end with 1: what came is not what was pinned.
released() {
  local version="" commit="" expected="" asset field value rest
  case "${RUNNER_OS:-}-${RUNNER_ARCH:-}" in
    Linux-X64) asset=gateline-x86_64-unknown-linux-gnu ;;
    Linux-ARM64) asset=gateline-aarch64-unknown-linux-gnu ;;
    macOS-ARM64) asset=gateline-aarch64-apple-darwin ;;
    *) return 1 ;;
  esac
  [[ -f "$pin" && -n "${ACTION_REPOSITORY:-}" ]] || return 1
  while read -r field value rest; do
    case "$field" in
      version) version="$value" ;;
      commit) commit="$value" ;;
      sha256) if [[ "$rest" == "$asset" ]]; then expected="$value"; fi ;;
    esac
  done <"$pin"
  [[ -n "$version" && -n "$commit" && -n "$expected" ]] || return 1
  if ! command -v gh >/dev/null; then
    say "there is no gh to check provenance with, so the released program is not used"
    return 1
  fi
  local host="${GITHUB_SERVER_URL:-https://github.com}"
  export GH_HOST="${host#*://}"
  if ! gh release download "v$version" --repo "$ACTION_REPOSITORY" --pattern "$asset" --dir "$folder" --clobber; then
    say "the release v$version could not be fetched, so the program is built"
    return 1
  fi
  local file="$folder/$asset"
  if [[ "$(sum "$file")" != "$expected" ]]; then
    rm -f -- "$file"
    say "$asset of v$version is not what was pinned: its checksum differs; nothing of it was run"
    exit 1
  fi
  if ! gh attestation verify "$file" --repo "$ACTION_REPOSITORY" --source-digest "$commit" \
    --signer-workflow "$ACTION_REPOSITORY/.github/workflows/release.yml" --deny-self-hosted-runners >&2; then
    rm -f -- "$file"
    say "$asset of v$version has no provenance from release.yml at $commit; nothing of it was run"
    exit 1
  fi
  mv -- "$file" "$program"
  chmod 755 "$program"
}

mkdir -p "$folder"
case "${1:-}" in
  find)
    rm -f -- "$program"
    if released; then
      output found true
    else
      output found false
      output key "gateline-action-${RUNNER_OS:-}-${RUNNER_ARCH:-}-$(key)"
    fi
    ;;
  build)
    if [[ -x "$program" ]]; then
      say "built before, by a run of the default branch from this very source"
      output built false
      exit 0
    fi
    export CARGO_TARGET_DIR="$folder/target"
    # In the Action's own folder, so that no configuration of the checked-out repository has a say.
    (cd "$source" && env -u RUSTFLAGS cargo build --locked --package gateline ${features[@]+"${features[@]}"})
    cp -- "$CARGO_TARGET_DIR/debug/gateline" "$program"
    output built true
    ;;
  *)
    say "get.sh find | build"
    exit 2
    ;;
esac
