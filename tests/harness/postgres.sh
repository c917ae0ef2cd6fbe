#!/usr/bin/env bash
# A private PostgreSQL for tests, made from the system's binaries in a temporary
# folder and gone without a trace afterwards.
#
#   postgres.sh COMMAND ARGUMENTS   runs the command with HANSE_TEST_POSTGRES=URL
#   postgres.sh                     prints "ready URL BINDIR" and holds the server until its standard
#                                   input closes, so that it cannot outlive whoever started it
set -euo pipefail

say() { echo "postgres: $*" >&2; }

# The newest binaries there are, wherever the system keeps them.
bindir=
for candidate in $(ls -d /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql@*/bin /usr/pgsql-*/bin 2>/dev/null | sort -V -r) \
  "$(dirname "$(readlink -f "$(command -v postgres || echo /none/postgres)")")"; do
  if [ -x "$candidate/postgres" ] && [ -x "$candidate/initdb" ] && [ -x "$candidate/psql" ]; then
    bindir=$candidate
    break
  fi
done
if [ -z "$bindir" ]; then
  say "no PostgreSQL binaries found: apt-get install postgresql"
  exit 1
fi
major=$("$bindir/postgres" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/')
if [ "$major" -lt 15 ]; then
  say "PostgreSQL 15 or newer is needed, $bindir has $major"
  exit 1
fi

# Under /tmp, not TMPDIR: the server's user must be able to get there.
dir=$(mktemp -d /tmp/hanse-postgres-XXXXXX)
server=
finish() {
  trap - EXIT INT TERM HUP
  if [ -n "$server" ]; then
    kill -QUIT "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# PostgreSQL refuses to run as root; and it must die with this script, however that dies.
as=()
if [ "$(id -u)" = 0 ]; then
  user=nobody
  if id postgres >/dev/null 2>&1; then user=postgres; fi
  chown "$user" "$dir"
  if command -v setpriv >/dev/null; then
    as=(setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups --pdeathsig KILL)
  else
    as=(runuser -u "$user" --)
  fi
elif command -v setpriv >/dev/null; then
  as=(setpriv --pdeathsig KILL)
fi

cd "$dir"
# Its own background: a Ctrl-C in the terminal must not stop the server before the tests.
if ! "${as[@]}" "$bindir/initdb" -D "$dir/data" -U hanse --auth=trust --no-sync -E UTF8 --locale=C >"$dir/log" 2>&1; then
  say "initdb failed:"
  cat "$dir/log" >&2
  exit 1
fi

url=
for _ in 1 2 3 4 5; do
  # Below the range that the kernel takes outgoing ports from.
  port=$((12000 + (RANDOM * 32768 + RANDOM) % 20000))
  "${as[@]}" "$bindir/postgres" -D "$dir/data" \
    -c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories="$dir" \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
    -c max_connections=400 -c shared_buffers=64MB -c autovacuum=off \
    </dev/null >>"$dir/log" 2>&1 &
  server=$!
  for _ in $(seq 300); do
    # Its own word, not an answer on the port: that could be another server's.
    if grep -q '^ready' "$dir/data/postmaster.pid" 2>/dev/null; then
      url=postgres://hanse@127.0.0.1:$port/postgres
      break 2
    fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  kill -QUIT "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  server=
done
if [ -z "$url" ]; then
  say "the server did not start:"
  tail -20 "$dir/log" >&2
  exit 1
fi

if [ $# -gt 0 ]; then
  cd "$OLDPWD"
  status=0
  # With psql at hand, but after all else.
  PATH=$PATH:$bindir HANSE_TEST_POSTGRES=$url "$@" || status=$?
  exit "$status"
fi
echo "ready $url $bindir"
exec 3<&0
cat <&3 >/dev/null &
wait $! || true
