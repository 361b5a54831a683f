package settings

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"

	"sglang-tpu/spec/model"
	"sglang-tpu/spec/spelling"
)

const customKey = "sglang-tpu:customModel"

var modelID = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[\w.-]+$`)

// resolveModel sets the model, from the catalogue or from customModel; false if it is
// unknown.
func (l *loader) resolveModel() bool {
	m, inCatalogue := model.Lookup(l.ModelID)
	described := !reflect.ValueOf(l.CustomModel).IsZero()
	before := len(l.found)
	switch {
	case l.ModelID == "" || l.unread["customModel"]:
		return false // already reported
	case inCatalogue && described:
		l.found.Add(customKey, "", "describes "+l.ModelID+", whose numbers are in the catalogue", "remove it")
	case inCatalogue:
	case !described:
		l.found.Add(keyOf("model"), l.ModelID, "is not in the catalogue"+spelling.Suggestion(l.ModelID, model.Names()),
			"use one of "+list(model.Names())+", or describe the model in customModel: pulumi config set --path sglang-tpu:customModel.heads N")
	default:
		if !modelID.MatchString(l.ModelID) {
			l.found.Add(keyOf("model"), l.ModelID, "is not a Hugging Face id", "use OWNER/NAME")
		}
		l.checkCustomModel()
		m = l.CustomModel
		m.ID = l.ModelID
	}
	l.Model = m
	return len(l.found) == before
}

// checkCustomModel checks the numbers.
func (l *loader) checkCustomModel() {
	m := l.CustomModel
	v := reflect.ValueOf(m)
	for _, f := range fieldsOf(v.Type()) {
		least, ok := f.number("minimum")
		if n := v.FieldByIndex(f.Index); ok && n.Int() < int64(least) {
			l.found.Add(customKey+"."+f.name, strconv.FormatInt(n.Int(), 10), "is too small",
				fmt.Sprintf("use the model's own value, %d or more", least))
		}
	}
	if 0 < m.RepositoryGiB && m.RepositoryGiB < m.WeightsGiB {
		l.found.Add(customKey+".repositoryGiB", strconv.Itoa(m.RepositoryGiB),
			fmt.Sprintf("is less than the weights, which are %d GiB", m.WeightsGiB), "use the size of the repository's safetensors, or remove it")
	}
	someGiven := m.Layers != 0 || m.KVHeads != 0 || m.HeadSize != 0 || m.Latent()
	if missing := cacheFieldsMissing(m); len(missing) > 0 && someGiven {
		l.found.Add(customKey+"."+missing[0], "", "is missing: without it, the size of a token in the key-value cache is unknown",
			"set "+list(missing)+" to the values in config.json, or set none of layers, kvHeads, headSize, kvLoraRank, qkRopeHeadDim")
	}
}

// cacheFieldsMissing returns the missing fields without which the size of the key-value
// cache is unknown.
func cacheFieldsMissing(m model.Model) []string {
	needed := []string{"layers", "kvHeads", "headSize"}
	if m.Latent() {
		needed = []string{"layers", "kvLoraRank", "qkRopeHeadDim"}
	}
	var missing []string
	v := reflect.ValueOf(m)
	for _, f := range fieldsOf(v.Type()) {
		if slices.Contains(needed, f.name) && v.FieldByIndex(f.Index).IsZero() {
			missing = append(missing, f.name)
		}
	}
	return missing
}
