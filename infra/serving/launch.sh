# Starts one rank of the model server; "$@" are the arguments that all ranks share.
#
# The LeaderWorkerSet controller sets LWS_WORKER_INDEX (0 is the leader), LWS_GROUP_SIZE
# and LWS_LEADER_ADDRESS; the pod sets POD_IP, RENDEZVOUS_PORT and SERVER_PORT, and TOKENIZER
# if the tokenizer is of another revision than main, as OWNER/NAME@REVISION.
set -u

# How long a rank waits while nobody comes, in seconds. The nodes of a slice come together,
# so the pods of a group differ by what their nodes take to pull the image.
patience=600
# How long a worker that was there may be gone, in seconds.
absence=60

fail() {
  echo "launch: $1" >&2
  exit 1
}

# A rank guessed from the host name would hide a pod that no controller set up.
rank=${LWS_WORKER_INDEX:-}
case $rank in
  '') fail "LWS_WORKER_INDEX is missing: this pod was not made by the LeaderWorkerSet controller" ;;
  *[!0-9]*) fail "LWS_WORKER_INDEX is \"$rank\", which is not a number" ;;
esac
size=${LWS_GROUP_SIZE:-}
case $size in
  '') fail "LWS_GROUP_SIZE is missing: this pod was not made by the LeaderWorkerSet controller" ;;
  *[!0-9]*) fail "LWS_GROUP_SIZE is \"$size\", which is not a number" ;;
esac

if [ "$size" -gt 1 ]; then
  if [ "$rank" -eq 0 ]; then
    # Rank 0 binds to this host, so it must be an address of its own.
    leader=${POD_IP:-}
    [ -n "$leader" ] || fail "POD_IP is missing: the leader has no address to bind to"
  else
    leader=${LWS_LEADER_ADDRESS:-}
    [ -n "$leader" ] || fail "LWS_LEADER_ADDRESS is missing: worker $rank does not know its leader"
  fi
  set -- "$@" --nnodes "$size" --node-rank "$rank" --dist-init-addr "$leader:$RENDEZVOUS_PORT"
fi

# The server loads a tokenizer, and with it the chat template, at revision main, whatever
# --revision says (get_tokenizer in hf_transformers_utils.py: download_from_hf passes none);
# a folder it takes as it is. Weights and configuration heed --revision.
if [ -n "${TOKENIZER:-}" ]; then
  case ${HF_HUB_OFFLINE:-} in
    '' | 0)
      # What the server would fetch, without weights.
      hf download "${TOKENIZER%@*}" '*.json' '*.model' '*.py' '*.tiktoken' '*.jinja' --revision "${TOKENIZER##*@}" >/dev/null ||
        fail "the tokenizer $TOKENIZER cannot be fetched"
      ;;
  esac
  tokenizer=$(snapshot_of "${TOKENIZER%@*}" "${TOKENIZER##*@}")
  [ -d "$tokenizer" ] || fail "the tokenizer $TOKENIZER is not in ${HF_HOME}"
  set -- "$@" --tokenizer-path "$tokenizer"
fi

# address of a name, as IPv4.
address() {
  local found
  found=$(getent ahostsv4 "$1") && printf '%s\n' "${found%%[[:space:]]*}"
}

# hex writes an address as the kernel does in /proc/net/tcp.
hex() {
  local a b c d
  IFS=. read -r a b c d <<<"$1" && printf '%02X%02X%02X%02X' "$d" "$c" "$b" "$a"
}

# connections are the established ones (01) of the address $1: local port, remote address
# and remote port, all as the kernel writes them. gRPC's sockets are IPv6 ones with mapped
# addresses, so an address is what one ends with.
connections() {
  local near far
  while read -r _ near far _; do
    near=${near##*:}
    [ "${far%"$1":*}" != "$far" ] || echo "$near ${far: -13:8} ${far##*:}"
  done < <(grep -hE "^ *[0-9]+: [0-9A-F]*$1:[0-9A-F]{4} [0-9A-F]+:[0-9A-F]{4} 01 " /proc/net/tcp /proc/net/tcp6 2>/dev/null)
}

# peers are the addresses that are connected to this leader's port $1, a pattern:
# RENDEZVOUS_PORT + 6 has the handshake, and RENDEZVOUS_PORT jax.distributed.
peers() { connections "$here" | grep -E "^($1) " | cut -d ' ' -f 2 | sort -u; }

# missing says who has not come; nothing if all have. A worker connects to the leader's
# RENDEZVOUS_PORT only once the leader has answered the handshake. A connection to the
# handshake alone proves nothing: a worker of the group before, which still runs, opens one
# to whatever pod has its leader's name.
missing() {
  local open come name at i who=""
  if [ "$rank" -gt 0 ]; then
    open=$(connections "$here")
    name=${LWS_LEADER_ADDRESS%%.*}
    if ! at=$(address "$LWS_LEADER_ADDRESS"); then
      echo "the leader $name has no address"
    elif [[ $open != *" $(hex "$at") $port"* ]]; then
      if [[ $open == *" $(hex "$at") $sync"* ]]; then
        echo "the leader $name ($at) does not answer, because it waits for another rank or has met another pod of this one"
      else
        echo "the leader $name ($at) cannot be reached"
      fi
    fi
    return
  fi
  open=$(peers "$port") come=$(peers "$sync")
  # Who is there is counted by address, so that a name that is not known keeps nobody out.
  [ "$(grep -c . <<<"$open")" -lt "$((size - 1))" ] || return 0
  for ((i = 1; i < size; i++)); do
    name=${LWS_LEADER_ADDRESS%%.*}-$i
    if ! at=$(address "$name.${LWS_LEADER_ADDRESS#*.}"); then
      who+=", $name has no address"
    elif [[ "$come $open" != *"$(hex "$at")"* ]]; then
      who+=", $name ($at) does not connect"
    fi
  done
  who=${who#, }
  echo "${who:-the workers are connected, but the handshake with the server does not end}"
}

# generates reports whether the server makes a token, which it cannot without all ranks. It
# says 503 after 20 s if it does not.
generates() {
  local at
  at=$(address "$POD_IP") &&
    timeout 30 bash -c 'exec 3<>"/dev/tcp/$1/$2" && printf "GET /health_generate HTTP/1.0\r\n\r\n" >&3 && read -r _ code _ <&3 && [ "$code" = 200 ]' \
      ask "$at" "$SERVER_PORT" >/dev/null 2>&1
}

# end ends the server $1, and says why on standard output.
end() {
  echo "$2. The group starts again"
  kill -TERM "$1"
  sleep 10 >/dev/null 2>&1
  kill -KILL "$1"
}

# rendezvous ends the server $1 if the ranks do not meet. The server waits for ever: its
# handshake has no limit (sync_pub and sync_sub in managers/scheduler.py), and its port
# opens only much later. The clock starts anew whenever somebody gets an address or
# connects.
#
# A leader that has met its workers is ended, too, once one of them has gone: no other can
# take its place, which waits for the leader in vain. The server's main process would stay,
# and the liveness probe takes five minutes. A server that makes tokens is never ended,
# whatever its connections look like.
rendezvous() {
  local here port sync waited=0 who last="" known
  here=$(address "$POD_IP") || return
  here=$(hex "$here")
  printf -v port '%04X' "$RENDEZVOUS_PORT"
  printf -v sync '%04X' "$((RENDEZVOUS_PORT + 6))"
  [ -r /proc/net/tcp ] || return
  while sleep 5 >/dev/null 2>&1; do
    who=$(missing)
    [ -n "$who" ] || break
    waited=$((waited + 5))
    if [ "$who" != "$last" ]; then
      last=$who waited=5
    elif [ "$waited" -eq 60 ]; then
      echo "launch: waiting: $who" >&2
    elif [ "$waited" -ge "$patience" ]; then
      ! generates || return
      end "$1" "the ranks have not met for $((patience / 60)) minutes: $who"
      return
    fi
  done
  [ "$rank" -eq 0 ] || return
  known=$(peers "$port")
  waited=0
  while [ "$waited" -lt "$absence" ]; do
    sleep 10 >/dev/null 2>&1
    who=$(comm -23 <(echo "$known") <(peers "$port|$sync") | wc -l)
    waited=$((who > 0 ? waited + 10 : 0))
    if [ "$waited" -ge "$absence" ] && generates; then
      waited=0
    fi
  done
  end "$1" "$who of $((size - 1)) workers that this leader has met are gone for $absence seconds, and no other can take their place"
}

# From a file, so that neither pod template nor environment holds the key. The server
# writes its arguments to its log; there the key is struck out.
key=
hider=
hide() {
  local line
  while IFS= read -r line || [ -n "$line" ]; do
    printf '%s\n' "${line//"$key"/***}"
  done
}
if [ -n "${API_KEY_FILE:-}" ]; then
  key=$(cat "$API_KEY_FILE") || fail "the API key cannot be read"
  [ -n "$key" ] || fail "the API key is empty"
  # One word: a key that begins with "-" would be taken for a flag.
  set -- "$@" "--api-key=$key"
  exec > >(hide) 2>&1
  hider=$!
fi

# Left by a process that was killed, it keeps the next one from the chips.
rm -f /tmp/libtpu_lockfile

# bash stays the parent: as process 1 the server would ignore its own SIGKILL and end
# with exit code 0 whatever happened.
python3 -u -m sgl_jax.launch_server "$@" &
server=$!
watcher=
if [ "$size" -gt 1 ]; then
  exec {verdict}< <(rendezvous "$server")
  watcher=$!
fi
signalled=
trap 'signalled=yes; kill -TERM "$server" 2>/dev/null' TERM INT
wait "$server"
code=$?
# A signal ends wait early; the server's own exit code comes from waiting again.
while [ -n "$signalled" ]; do
  signalled=
  wait "$server"
  code=$?
done
if [ -n "$watcher" ]; then
  kill "$watcher" 2>/dev/null
  why=$(cat <&"$verdict")
  if [ -n "$why" ]; then
    echo "launch: $why" >&2
    code=1
  fi
fi
if [ -n "$hider" ]; then
  # The end of the log comes first, unless somebody whom the server left behind keeps it.
  exec >&- 2>&-
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    kill -0 "$hider" 2>/dev/null || break
    sleep 0.1
  done
fi
exit "$code"
