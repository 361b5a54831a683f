package serverimage

import "strings"

// published is the server's repository on Docker Hub.
const published = "lmsysorg/sglang-jax"

// Published is the server's image on Docker Hub, without the registry's host. Its version
// is a tag, or a digest that begins with sha256:.
func Published(version string) string {
	if strings.HasPrefix(version, "sha256:") {
		return published + "@" + version
	}
	return published + ":" + version
}
