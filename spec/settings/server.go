package settings

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"

	"sglang-tpu/spec/model"
	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/spelling"
)

const customKey = "sglang-tpu:customModel"

var modelID = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[\w.-]+$`)

// resolveModel sets the model, from the catalogue or from customModel; false if it is
// unknown.
func (r *reader) resolveModel(c *Config) bool {
	m, inCatalogue := model.Lookup(c.ModelID)
	described := !reflect.ValueOf(c.CustomModel).IsZero()
	before := len(r.found)
	switch {
	case c.ModelID == "" || r.unread["customModel"]:
		return false // already reported
	case inCatalogue && described:
		r.found.Add(customKey, "", "describes "+c.ModelID+", whose numbers are in the catalogue", "remove it")
	case inCatalogue:
	case !described:
		r.found.Add(keyOf("model"), c.ModelID, "is not in the catalogue"+spelling.Suggestion(c.ModelID, model.Names()),
			"use one of "+list(model.Names())+", or describe the model in customModel: pulumi config set --path sglang-tpu:customModel.heads N")
	default:
		if !modelID.MatchString(c.ModelID) {
			r.found.Add(keyOf("model"), c.ModelID, "is not a Hugging Face id", "use OWNER/NAME")
		}
		r.add(checkCustomModel(c.CustomModel))
		m = c.CustomModel
		m.ID = c.ModelID
	}
	c.Model = m
	return len(r.found) == before
}

// checkCustomModel checks the numbers.
func checkCustomModel(m model.Model) problem.List {
	var found problem.List
	v := reflect.ValueOf(m)
	for _, f := range fieldsOf(v.Type()) {
		least, ok := f.number("minimum")
		if n := v.FieldByIndex(f.Index); ok && n.Int() < int64(least) {
			found.Add(customKey+"."+f.name, strconv.FormatInt(n.Int(), 10), "is too small",
				fmt.Sprintf("use the model's own value, %d or more", least))
		}
	}
	if 0 < m.RepositoryGiB && m.RepositoryGiB < m.WeightsGiB {
		found.Add(customKey+".repositoryGiB", strconv.Itoa(m.RepositoryGiB),
			fmt.Sprintf("is less than the weights, which are %d GiB", m.WeightsGiB), "use the size of the repository's safetensors, or remove it")
	}
	someGiven := m.Layers != 0 || m.KVHeads != 0 || m.HeadSize != 0 || m.Latent()
	if missing := cacheFieldsMissing(m); len(missing) > 0 && someGiven {
		found.Add(customKey+"."+missing[0], "", "is missing: without it, the size of a token in the key-value cache is unknown",
			"set "+list(missing)+" to the values in config.json, or set none of layers, kvHeads, headSize, kvLoraRank, qkRopeHeadDim")
	}
	return found
}

// cacheFieldsMissing returns the missing fields without which the size of the key-value
// cache is unknown.
func cacheFieldsMissing(m model.Model) []string {
	type number struct {
		field string
		value int
	}
	needed := []number{{"layers", m.Layers}, {"kvHeads", m.KVHeads}, {"headSize", m.HeadSize}}
	if m.Latent() {
		needed = []number{{"layers", m.Layers}, {"kvLoraRank", m.KVLoraRank}, {"qkRopeHeadDim", m.QKRopeHeadDim}}
	}
	var missing []string
	for _, n := range needed {
		if n.value == 0 {
			missing = append(missing, n.field)
		}
	}
	return missing
}
