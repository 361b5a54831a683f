package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestADumpBecomesTheFileOfAType(t *testing.T) {
	const dump = "# a comment\n" +
		"gcp:a/b:B\trules[*].port\tInt\toptional,default=80\t\n" +
		"gcp:a/b:B\trules\tSet\toptional,computed\t\n" +
		"gcp:a/b:B\taddress\tString\tcomputed,secret\t\n" +
		"gcp:a/b:B\tname\tString\trequired,replaces\trules policy.0.max_size\n" +
		"gcp:a/b:B\tpolicy\tObject\toptional\t\n" +
		"gcp:a/b:B\tpolicy.maxSizes\tList\toptional\tname\n" +
		"gcp:c/d:D\ttext\tString\toptional,default=\n\t\n"
	all := read(dump)
	text, err := write("gcp:a/b:B", all["gcp:a/b:B"])
	require.NoError(t, err)
	assert.Equal(t, "gcp:a/b:B\n"+
		"address string output secret\n"+
		"name string required replaces conflicts=rules,policy.maxSizes\n"+
		"policy object\n"+
		"\tmaxSizes list conflicts=name\n"+
		"rules set computed\n"+
		"\tport int default=80\n", text)
	assert.Equal(t, "a.B.txt", fileName("gcp:a/b:B"))
	_, err = write("gcp:c/d:D", all["gcp:c/d:D"])
	require.ErrorContains(t, err, "does not have five columns")
	_, err = write("gcp:e/f:F", all["gcp:e/f:F"])
	require.ErrorContains(t, err, "the dump has no gcp:e/f:F")
	_, err = write("gcp:a/b:B", read("gcp:a/b:B\tname\tString\toptional\tother_thing\n")["gcp:a/b:B"])
	require.ErrorContains(t, err, "conflicts with other_thing")
}
