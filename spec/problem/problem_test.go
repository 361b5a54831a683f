package problem

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAProblemIsOneSentence(t *testing.T) {
	for want, p := range map[string]Problem{
		`config a:b: "x" is no number; use 1`:                    {Key: "a:b", Value: "x", Why: "is no number", Remedy: "use 1"},
		`config a:b: is empty; set it`:                           {Key: "a:b", Why: "is empty", Remedy: "set it"},
		`Pulumi.dev.yaml:7: config a:b: is empty`:                {Key: "a:b", Why: "is empty", At: "Pulumi.dev.yaml:7"},
		`stack name "X" cannot be part of a name; use lowercase`: {Why: `stack name "X" cannot be part of a name`, Remedy: "use lowercase"},
	} {
		assert.Equal(t, want, p.Error())
	}
}

func TestAListIsAnErrorUnlessItIsEmpty(t *testing.T) {
	var list List
	assert.NoError(t, list.Err())
	list.Add("a:b", "", "is empty", "set it")
	list.Add("a:c", "", "is empty", "set it")
	assert.EqualError(t, list.Err(), "config a:b: is empty; set it\nconfig a:c: is empty; set it")
}

func TestProblemsWithoutAKeyGetTheGivenKey(t *testing.T) {
	mixed := List{{Why: "w"}, {Key: "a:c", Why: "v"}}
	assert.Equal(t, List{{Key: "a:b", Why: "w"}, {Key: "a:c", Why: "v"}}, Of("a:b", mixed))
	assert.Empty(t, mixed[0].Key, "the list itself is left alone")
	assert.Equal(t, List{{Key: "a:b", Why: "w"}}, Of("a:b", fmt.Errorf("wrapped: %w", Problem{Why: "w"})))
	assert.Equal(t, List{{Key: "a:b", Why: "other"}}, Of("a:b", errors.New("other")))
	assert.Empty(t, Of("a:b", nil))
}
