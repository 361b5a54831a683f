# snapshot_of says where a revision of a repository lies, by what hf notes in refs. What hf
# says at its end is no help: one line up to 1.10, and two from 1.11 on.
snapshot_of() {
  local folder=${HF_HUB_CACHE:-$HF_HOME/hub}/models--${1//\//--} commit
  commit=$(cat "$folder/refs/$2" 2>/dev/null) || commit=$2
  echo "$folder/snapshots/$commit"
}

