package policytest

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
)

// is holds for one value, and not for a missing setting.
func is(want any) func(any) bool {
	return func(v any) bool { return reflect.DeepEqual(v, want) }
}

// isNot holds for all other values, and for a missing setting.
func isNot(unwanted ...any) func(any) bool {
	return func(v any) bool { return !slices.ContainsFunc(unwanted, is(v)) }
}

// in holds for each of the values.
func in(wanted ...any) func(any) bool {
	return func(v any) bool { return !isNot(wanted...)(v) }
}

// set holds for values that are not empty.
func set(v any) bool {
	switch value := v.(type) {
	case nil:
		return false
	case string:
		return value != ""
	case []any:
		return len(value) > 0
	case map[string]any:
		return len(value) > 0
	default:
		return true
	}
}

// given holds for all values, including empty ones, and not for a missing setting.
func given(v any) bool { return v != nil }

// lists holds for a list that contains the value.
func lists(want any) func(any) bool {
	return func(v any) bool {
		entries, _ := v.([]any)
		return slices.ContainsFunc(entries, is(want))
	}
}

// each holds for a list, possibly empty, if right holds for all elements.
func each(right func(any) bool) func(any) bool {
	return func(v any) bool {
		entries, _ := v.([]any)
		return !slices.ContainsFunc(entries, func(e any) bool { return !right(e) })
	}
}

// field holds for an object if right holds for one of its fields.
func field(path string, right func(any) bool) func(any) bool {
	return func(v any) bool {
		fields, _ := v.(map[string]any)
		return right(Get(fields, path))
	}
}

func all(conditions ...func(any) bool) func(any) bool {
	return func(v any) bool {
		return !slices.ContainsFunc(conditions, func(right func(any) bool) bool { return !right(v) })
	}
}

// text holds for a string if right does.
func text(right func(string) bool) func(any) bool {
	return func(v any) bool {
		s, ok := v.(string)
		return ok && right(s)
	}
}

func suffix(want string) func(any) bool {
	return text(func(s string) bool { return strings.HasSuffix(s, want) })
}

// narrow holds for CIDR ranges that do not contain all addresses.
func narrow(v any) bool {
	return text(func(s string) bool {
		prefix, err := netip.ParsePrefix(s)
		return err == nil && prefix.Bits() > 0
	})(v)
}

// private holds for IAM members other than the public ones.
func private(v any) bool { return isNot("allUsers", "allAuthenticatedUsers")(v) }

// pinned holds for an image with a digest, or with a tag that is not latest.
func pinned(v any) bool {
	return text(func(reference string) bool {
		if strings.Contains(reference, "@sha256:") {
			return true
		}
		_, tag, ok := strings.Cut(reference[strings.LastIndex(reference, "/")+1:], ":")
		return ok && tag != "latest"
	})(v)
}
