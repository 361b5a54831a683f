# Starts one rank of the model server; "$@" are the arguments that all ranks share.
#
# The LeaderWorkerSet controller sets LWS_WORKER_INDEX (0 is the leader), LWS_GROUP_SIZE
# and LWS_LEADER_ADDRESS; the pod sets POD_IP and RENDEZVOUS_PORT.
set -u

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
if [ -n "$hider" ]; then
  # The end of the log comes first, unless somebody whom the server left behind keeps it.
  exec >&- 2>&-
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    kill -0 "$hider" 2>/dev/null || break
    sleep 0.1
  done
fi
exit "$code"
