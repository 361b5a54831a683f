# Writes a Docker configuration that logs in to $REGISTRY with a token of this pod's
# service account. The metadata server of a fresh node answers only after a while.
set -eu
url=http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token
attempt=0
until answer=$(wget -q -O - --header 'Metadata-Flavor: Google' "$url"); do
  attempt=$((attempt + 1))
  if [ "$attempt" -ge 30 ]; then
    echo "no token from the metadata server after $attempt attempts;" \
      "check the Workload Identity binding of this pod's service account" >&2
    exit 1
  fi
  sleep 2
done
token=$(printf '%s' "$answer" | sed -n 's/.*"access_token" *: *"\([^"]*\)".*/\1/p')
if [ -z "$token" ]; then
  echo "the metadata server answered without an access_token" >&2
  exit 1
fi
auth=$(printf 'oauth2accesstoken:%s' "$token" | base64 | tr -d '\n')
umask 077
printf '{"auths":{"%s":{"auth":"%s"}}}\n' "$REGISTRY" "$auth" >"$DOCKER_CONFIG/config.json"
