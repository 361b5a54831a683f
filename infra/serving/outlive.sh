# Runs in a worker that is told to end, before its server is: waits until the leader's server
# has ended, which needs this rank for the requests that it still answers. A server of rank 1
# and up ends at the first TERM, whatever the leader does. The pod's grace period is the limit.
set -u
here=$(getent ahostsv4 "$POD_IP") || exit 0
IFS=. read -r a b c d <<<"${here%%[[:space:]]*}"
printf -v here '%02X%02X%02X%02X' "$d" "$c" "$b" "$a"
printf -v port '%04X' "$RENDEZVOUS_PORT"
# Established connections (01) from this pod to the leader's jax.distributed, as the kernel
# writes them. gRPC's sockets are IPv6 ones with mapped addresses.
while grep -qE "^ *[0-9]+: [0-9A-F]*$here:[0-9A-F]{4} [0-9A-F]+:$port 01 " /proc/net/tcp /proc/net/tcp6 2>/dev/null; do
  sleep 1
done
