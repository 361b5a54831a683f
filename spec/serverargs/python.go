package serverargs

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// As in Python's language reference: digits may be grouped by single underscores, and int
// and float accept no other base.
var (
	pythonInt   = regexp.MustCompile(`^[+-]?\d+(_\d+)*$`)
	pythonFloat = regexp.MustCompile(`^(?i)[+-]?(((\d+(_\d+)*)(\.(\d+(_\d+)*)?)?|\.\d+(_\d+)*)(e[+-]?\d+(_\d+)*)?|inf(inity)?|nan)$`)
	// negative matches words that argparse takes for values although they begin with "-",
	// in a parser that has no options that look like numbers.
	negative = regexp.MustCompile(`^-\d+$|^-\d*\.\d+$`)
)

// stripped removes the whitespace around a number that Python's int and float ignore.
func stripped(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f })
}

// Int parses a number like Python's int(text); a number that is too large becomes the
// largest int.
func Int(text string) (int, bool) {
	text = stripped(text)
	if !pythonInt.MatchString(text) {
		return 0, false
	}
	n, _ := strconv.Atoi(strings.ReplaceAll(text, "_", "")) // which returns the nearest int
	return n, true
}

// Float parses a number like Python's float(text): infinity and nan are numbers, and
// hexadecimal numbers are not.
func Float(text string) (float64, bool) {
	text = stripped(text)
	if !pythonFloat.MatchString(text) {
		return 0, false
	}
	// Like Python, return infinity for numbers that are too large.
	f, _ := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	return f, true
}

// LooksNegative reports whether argparse takes a word for a value although it begins with
// "-".
func LooksNegative(word string) bool { return negative.MatchString(word) }
