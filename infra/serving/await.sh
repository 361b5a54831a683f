# Runs in a worker before its server: waits until the leader, which can start later, has
# a name. After a minute the worker starts all the same: the server goes on asking, and
# the launch script says what it could not reach.
set -u
leader=${LWS_LEADER_ADDRESS:-}
if [ -z "$leader" ]; then
  echo "await: LWS_LEADER_ADDRESS is missing: this pod was not made by the LeaderWorkerSet controller" >&2
  exit 1
fi
tries=0
until getent ahostsv4 "$leader" >/dev/null; do
  tries=$((tries + 1))
  if [ "$tries" -ge 60 ]; then
    echo "await: $leader has no address yet; starting without waiting longer" >&2
    exit 0
  fi
  sleep 1
done
echo "await: the leader is $leader"
