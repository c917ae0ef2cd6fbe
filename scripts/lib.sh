# Shared by the scripts of this folder: where things are, and steps that tell how long they took.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/hanse
cd "$root"

# Where Rust puts what it builds: what CARGO_TARGET_DIR says, else ./target if it is there, else a folder of the
# user's cache named after the compiler, so that a second clone finds the dependencies built.
if [ -z "${CARGO_TARGET_DIR:-}" ] && [ ! -d "$root/target" ] && command -v rustc >/dev/null; then
  CARGO_TARGET_DIR=$cache/target/$(rustc --version | tr -cs 'A-Za-z0-9.\n' '-' | cut -c1-40)
  export CARGO_TARGET_DIR
fi
target=${CARGO_TARGET_DIR:-$root/target}

# Cargo tells sources of two checkouts apart by their age alone: what another checkout has built is newer than files
# that lie here since yesterday, and would be taken for theirs. Whoever built last leaves a note.
if [ -d "$target" ] && [ "$(cat "$target/.checkout" 2>/dev/null || true)" != "$root" ]; then
  git -C "$root" ls-files -z backend migrations tests 2>/dev/null | (cd "$root" && xargs -0 -r touch -c --) || true
  printf '%s\n' "$root" >"$target/.checkout" || true
fi

# step TITLE COMMAND ...: runs the command, and says so before and after.
step() {
  local title=$1 began=$SECONDS status=0
  shift
  printf '\n== %s\n' "$title" >&2
  "$@" || status=$?
  local took=$((SECONDS - began))
  if [ "$status" = 0 ]; then
    printf '== %s: done in %d min %02d s\n' "$title" $((took / 60)) $((took % 60)) >&2
  else
    printf '== %s: FAILED after %d min %02d s\n' "$title" $((took / 60)) $((took % 60)) >&2
  fi
  return "$status"
}

# digest FILE ...: one hash over names and contents.
digest() {
  printf '%s\0' "$@" | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

# The console's dependencies, installed again only when the lock file is another.
console_dependencies() {
  local want stamp=frontend/node_modules/.hanse-installed
  want=$(node --version)-$(digest frontend/package-lock.json)
  if [ "$(cat "$stamp" 2>/dev/null || true)" != "$want" ]; then
    (cd frontend && npm ci --no-audit --no-fund)
    printf '%s\n' "$want" >"$stamp"
  fi
}

# The console, built again only when something that it is made from is another.
console() {
  local want stamp=frontend/node_modules/.hanse-built
  console_dependencies
  want=$(find frontend -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/coverage/*' -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)
  if [ ! -f frontend/dist/index.html ] || [ "$(cat "$stamp" 2>/dev/null || true)" != "$want" ]; then
    (cd frontend && npm run --silent build)
    printf '%s\n' "$want" >"$stamp"
  fi
}
