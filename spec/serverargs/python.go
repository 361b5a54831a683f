package serverargs

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// As the language reference of Python has them: digits may be grouped by single
// underscores, and int and float take no other base.
var (
	pythonInt   = regexp.MustCompile(`^[+-]?\d+(_\d+)*$`)
	pythonFloat = regexp.MustCompile(`^(?i)[+-]?(((\d+(_\d+)*)(\.(\d+(_\d+)*)?)?|\.\d+(_\d+)*)(e[+-]?\d+(_\d+)*)?|inf(inity)?|nan)$`)
	// negative is what argparse takes for a value though it begins with "-", in a parser
	// none of whose options looks like a number.
	negative = regexp.MustCompile(`^-\d+$|^-\d*\.\d+$`)
)

// stripped is what Python's int and float leave of the blanks around a number.
func stripped(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f })
}

// Int reads a number as Python's int(text) does; one that is too large for us is the
// largest.
func Int(text string) (int, bool) {
	text = stripped(text)
	if !pythonInt.MatchString(text) {
		return 0, false
	}
	n, ok := new(big.Int).SetString(strings.ReplaceAll(text, "_", ""), 10)
	switch {
	case !ok:
		return 0, false
	case !n.IsInt64():
		return n.Sign() * math.MaxInt, true
	}
	return int(n.Int64()), true
}

// Float reads a number as Python's float(text) does: infinity and nan are numbers, and a
// hexadecimal one is not.
func Float(text string) (float64, bool) {
	text = stripped(text)
	if !pythonFloat.MatchString(text) {
		return 0, false
	}
	// What is too large is infinite, to Python as well.
	f, _ := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	return f, true
}

// LooksNegative reports a word that argparse takes for a value though it begins with "-".
func LooksNegative(word string) bool { return negative.MatchString(word) }
