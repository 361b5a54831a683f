# Fills the bucket with repositories of the Hugging Face Hub, so that no pod of a group
# fetches weights from there. "$@" are OWNER/NAME@REVISION; HF_HOME is a folder of the
# bucket named BUCKET; WEIGHTS_GIB is about how much will come.
#
# It can be stopped anywhere and goes on where it was: hf skips complete files. A list of
# sizes in $HF_HOME/complete tells a later run that nothing is left to do.
#
# Exit codes: 1 is worth another try, 2 is not until something is changed.
set -uo pipefail

# The server reads safetensors; other forms of the same weights would come beside them.
unwanted=('original/*' '*.bin' '*.pth' '*.pt' '*.gguf' '*.onnx' '*.h5' '*.msgpack')
# The Hub counts requests over five minutes, and answers 429 until they are over
# (huggingface_hub/utils/_http.py, parse_ratelimit_headers: "current 300s window").
window=310

say() { echo "download: $*"; }

# listed: everything that a list of sizes names is there. What is too short is removed,
# because hf takes a file that exists for complete.
listed() {
  local size file found ok=0
  [ -s "$1" ] || return 1
  while read -r size file; do
    found=$(stat -L -c %s "$HF_HOME/$file" 2>/dev/null || echo 0)
    if [ "$found" != "$size" ]; then
      say "$file has $found of $size bytes; it is fetched again"
      rm -f "$(readlink -f "$HF_HOME/$file")" "$HF_HOME/$file"
      ok=1
    fi
  done <"$1"
  return "$ok"
}

# progress says each half minute how much has come.
progress() {
  local bytes size
  # A sleep that outlives this script must not hold its log open.
  while sleep 30 >/dev/null 2>&1; do
    bytes=0
    while read -r size; do
      bytes=$((bytes + size))
    done < <(find "$HF_HOME/hub" -type f -printf '%s\n' 2>/dev/null)
    say "$((bytes >> 30)) GiB of about $WEIGHTS_GIB GiB are in the bucket"
  done
}

# refused ends a run that another try would not help. Up to 1.4 hf says an exception's
# name, from 1.5 on a sentence (huggingface_hub/cli/_errors.py). Without a token a
# repository that is not there is a 401, too.
refused() {
  local kind=""
  case $1 in
    *GatedRepo* | *"requires approval"*) kind=gated ;;
    *RepositoryNotFound* | *"Repository not found"* | *"' not found."* | *RevisionNotFound* | *"Revision not found"*) kind=absent ;;
    *"401 Client Error"* | *"403 Client Error"*) kind=gated ;;
    *"404 Client Error"*) kind=absent ;;
    *) return ;;
  esac
  if [ "$kind" = gated ]; then
    say "$2 is not open to everybody: accept its licence on https://huggingface.co/$2, then run: pulumi config set --secret hfToken hf_..."
  else
    say "$2@$3 is not on the Hub: check sglang-tpu:model and sglang-tpu:modelRevision." \
      "If it is private, run: pulumi config set --secret hfToken hf_..."
  fi
  exit 2
}

# whole: each file that the index of the weights names has come, and is not empty.
whole() {
  local index=$1/model.safetensors.index.json file
  [ -e "$index" ] || return 0
  while read -r file; do
    if [ ! -s "$1/$file" ]; then
      say "$file is named in the index of the weights, and is not there"
      return 1
    fi
  done < <(grep -o '"[^"]*\.safetensors"' "$index" | tr -d '"' | sort -u)
}

# exclusions are the arguments that leave out what is unwanted. Up to hf 0.x argparse
# takes all patterns after one flag, and only the last flag counts; from 1.0 on Typer
# takes one pattern for each flag, and the others for names of files.
exclusions() {
  local pattern major=0
  [[ $(hf version 2>/dev/null) =~ ([0-9]+)\.[0-9]+ ]] && major=${BASH_REMATCH[1]}
  if [ "$major" -eq 0 ]; then
    exclude=(--exclude "${unwanted[@]}")
    return
  fi
  exclude=()
  for pattern in "${unwanted[@]}"; do
    exclude+=(--exclude "$pattern")
  done
}

# forget what an earlier attempt noted of a revision. If the Hub does not answer, hf takes
# a snapshot that is there for whole, and ends well without a word
# (huggingface_hub/_snapshot_download.py: "we can't check if all the files are actually
# there"). A snapshot is links alone; the files stay. One that another list names stays.
forget() {
  local folder=$HF_HOME/hub/models--${1//\//--}
  rm -f "$folder/refs/$2"
  if [ -d "$folder/snapshots/$2" ] && ! grep -qsF "/snapshots/$2/" "$HF_HOME"/complete/*; then
    rm -rf "$folder/snapshots/$2"
  fi
}

# limited tells whether the Hub refuses everything for a while, and sets why.
limited() {
  case $1 in
    *"429 Client Error"* | *"429 Too Many Requests"*) ;;
    *)
      why=""
      return 1
      ;;
  esac
  why="the Hub limits how much may be asked (429 Too Many Requests)"
  [ -n "${HF_TOKEN:-}${HF_TOKEN_PATH:-}" ] ||
    why="$why; with a token that is more: pulumi config set --secret hfToken hf_..."
}

fetch() {
  local repository=${1%@*} revision=${1##*@} list attempt=1 snapshot why="" rest exclude
  list=$HF_HOME/complete/${repository//\//--}@${revision//\//--}
  if listed "$list"; then
    say "$1 is in the bucket already"
    return
  fi
  rm -f "$list"
  exclusions
  while :; do
    say "fetching $1, attempt $attempt"
    forget "$repository" "$revision"
    if hf download "$repository" --revision "$revision" --max-workers 4 "${exclude[@]}" \
      2>&1 >/dev/null | tee "$work/errors" >&2; then
      snapshot=$(snapshot_of "$repository" "$revision")
      if [ -d "$snapshot" ] && whole "$snapshot"; then
        break
      fi
    fi
    refused "$(cat "$work/errors")" "$repository" "$revision"
    rest=$((5 * attempt))
    if limited "$(cat "$work/errors")"; then
      say "$why"
      rest=$window
    fi
    if [ "$attempt" -ge 4 ]; then
      say "$1 could not be fetched${why:+: $why}; what has come stays in the bucket, and the next pulumi up goes on from there"
      exit 1
    fi
    say "the next attempt is in $rest seconds"
    sleep "$rest"
    attempt=$((attempt + 1))
  done
  # Written beside and moved, so that a list is whole or not there.
  find -L "$snapshot" -type f -printf '%s %p\n' | while read -r size file; do
    echo "$size ${file#"$HF_HOME/"}"
  done >"$list.new" && mv "$list.new" "$list" || exit 1
  say "$1 is in the bucket"
}

# The bucket's policy can take a minute to reach this pod; the next one may have it.
if ! mkdir -p "$HF_HOME/complete"; then
  say "the Kubernetes service account $ACCOUNT may not write to the bucket $BUCKET: its policy needs roles/storage.objectUser for it." \
    "If somebody removed that, run: pulumi up --refresh"
  sleep 60
  exit 1
fi
work=$(mktemp -d)
progress &
watch=$!
trap 'kill "$watch" 2>/dev/null; rm -rf "$work"' EXIT
for repository in "$@"; do
  fetch "$repository"
done
