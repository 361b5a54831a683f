#!/bin/sh
# Docker's credential helper protocol: "get" takes a registry on standard input and
# answers with JSON, or with the reason. buildctl asks anew when what it has is five
# minutes old, so the push at the end of a long build has a token that lives: written
# down before the build, one would be dead after an hour. The metadata server of a fresh
# node answers only after a while.
set -eu
if [ "$1" != get ]; then # store, erase and list: nothing is kept
  exit 0
fi
url=http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token
attempt=0
until answer=$(wget -q -O - --header 'Metadata-Flavor: Google' "$url"); do
  attempt=$((attempt + 1))
  if [ "$attempt" -ge 30 ]; then
    echo "no token from the metadata server after $attempt attempts;" \
      "check the Workload Identity binding of this pod's service account"
    exit 1
  fi
  sleep 2
done
token=$(printf '%s' "$answer" | sed -n 's/.*"access_token" *: *"\([^"]*\)".*/\1/p')
if [ -z "$token" ]; then
  echo "the metadata server answered without an access_token"
  exit 1
fi
printf '{"ServerURL":"","Username":"oauth2accesstoken","Secret":"%s"}\n' "$token"
