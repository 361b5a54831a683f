package hub

import (
	"fmt"
	"strings"
)

// Error is an exception of huggingface_hub 0.34, with its cause.
type Error struct {
	Class string
	Text  string
	Cause *Error
}

func (e *Error) Error() string {
	text := e.Class + ": " + e.Text
	if e.Cause != nil {
		text = e.Cause.Error() + "\n\nThe above exception was the direct cause of the following exception:\n\n" + text
	}
	return text
}

const (
	endpoint  = "https://huggingface.co"
	errorsOf  = "huggingface_hub.errors."
	requestID = "(Request ID: Root=1-emulated)"
)

func repositoryNotFound(id, revision, token string) *Error {
	status, why := 401, "\nInvalid username or password."
	if token != "" {
		status, why = 404, ""
	}
	return &Error{Class: errorsOf + "RepositoryNotFoundError", Text: fmt.Sprintf("%d Client Error. %s\n\n"+
		"Repository Not Found for url: %s.\nPlease make sure you specified the correct `repo_id` and `repo_type`.\n"+
		"If you are trying to access a private or gated repo, make sure you are authenticated. For more details, see https://huggingface.co/docs/huggingface_hub/authentication%s",
		status, requestID, revisionURL(id, revision), why)}
}

func revisionURL(id, revision string) string {
	return endpoint + "/api/models/" + id + "/revision/" + revision
}

func revisionNotFound(id, revision string) *Error {
	return &Error{Class: errorsOf + "RevisionNotFoundError", Text: fmt.Sprintf("404 Client Error. %s\n\nRevision Not Found for url: %s.\nInvalid rev id: %s",
		requestID, revisionURL(id, revision), revision)}
}

func entryNotFound(id, commit, name string) *Error {
	return &Error{Class: errorsOf + "EntryNotFoundError", Text: fmt.Sprintf("404 Client Error. %s\n\nEntry Not Found for url: %s/%s/resolve/%s/%s.",
		requestID, endpoint, id, commit, name)}
}

func gated(id, commit, name, token string) *Error {
	status, why := 401, "You must have access to it and be authenticated to access it. Please log in."
	if token != "" {
		status, why = 403, "You are not in the authorized list. Visit "+endpoint+"/"+id+" to ask for access."
	}
	return &Error{Class: errorsOf + "GatedRepoError", Text: fmt.Sprintf("%d Client Error. %s\n\nCannot access gated repo for url %s/%s/resolve/%s/%s.\nAccess to model %s is restricted. %s",
		status, requestID, endpoint, id, commit, name, id, why)}
}

func offline(url string) *Error {
	return &Error{Class: errorsOf + "OfflineModeIsEnabled", Text: fmt.Sprintf(
		"Cannot reach %s: offline mode is enabled. To disable it, please unset the `HF_HUB_OFFLINE` environment variable.", url)}
}

func noSnapshot(id, revision string) *Error {
	return &Error{
		Class: errorsOf + "LocalEntryNotFoundError", Cause: offline(revisionURL(id, revision)),
		Text: "Cannot find an appropriate cached snapshot folder for the specified revision on the local disk and outgoing traffic has been disabled. " +
			"To enable repo look-ups and downloads online, set 'HF_HUB_OFFLINE=0' as environment variable.",
	}
}

func noFile(id, revision, name string) *Error {
	return &Error{
		Class: errorsOf + "LocalEntryNotFoundError", Cause: offline(endpoint + "/" + id + "/resolve/" + revision + "/" + name),
		Text: "An error happened while trying to locate the file on the Hub and we cannot find the requested files in the local cache. " +
			"Please check your connection and try again or make sure your Internet connection is on. (" + name + ")",
	}
}

// noAnswer is the exception of snapshot_download for a status that is not about the repository,
// if the revision is not in the cache (huggingface_hub/_snapshot_download.py).
func noAnswer(status string) *Error {
	return &Error{
		Class: errorsOf + "LocalEntryNotFoundError", Cause: &Error{Class: errorsOf + "HfHubHTTPError", Text: status},
		Text: "An error happened while trying to locate the files on the Hub and we cannot find the appropriate snapshot folder for the specified revision on the local disk. " +
			"Please check your internet connection and try again.",
	}
}

// limited reports whether a fault is a status 429, which fails all requests; other faults fail
// a running download. The text of the quota, per 300 s, is from parse_ratelimit_headers in
// huggingface_hub/utils/_http.py.
func limited(fault, id, revision string) (status string, ok bool) {
	if !strings.Contains(fault, "429") {
		return "", false
	}
	return fmt.Sprintf("429 Client Error: Too Many Requests for url: %s %s\n\nWe had to rate limit you, you hit the quota of 1000 api requests per 5 minutes period.",
		revisionURL(id, revision), requestID), true
}

// noWrite is the exception for a file in a bucket that must not be written, with Google's
// reason.
func noWrite(why, path string) *Error {
	return &Error{Class: "OSError", Text: fmt.Sprintf("[Errno 5] Input/output error: '%s'", path), Cause: &Error{Class: "gcsfuse", Text: why}}
}
