package sgljax

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// tokenizer is the model's tokenizer. With another tokenizer, the same text has another answer.
type tokenizer struct {
	key      string // hash of tokenizer.json
	template string // chat template; may be empty
}

// readTokenizer reads the tokenizer of a snapshot's folder.
func readTokenizer(folder string) (*tokenizer, error) {
	text, err := os.ReadFile(filepath.Join(folder, "tokenizer.json"))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	t := &tokenizer{key: hex.EncodeToString(sum[:])}
	var config struct {
		Template string `json:"chat_template"`
	}
	if text, err := os.ReadFile(filepath.Join(folder, "tokenizer_config.json")); err == nil {
		if err := json.Unmarshal(text, &config); err != nil {
			return nil, err
		}
	}
	t.template = config.Template
	return t, nil
}

// tokens splits a text into tokens.
func (t *tokenizer) tokens(text string) []string { return strings.Fields(text) }

// encode returns the model's input for a text.
func (t *tokenizer) encode(text string) string { return t.key + "\x00" + text }

// message is a message of a chat.
type message struct {
	Role    string `json:"role"`
	Content any    `json:"content"`
}

// text returns the text of a message, whose content may have several parts.
func (m message) text() string {
	parts, ok := m.Content.([]any)
	if !ok {
		text, _ := m.Content.(string) // null is empty
		return text
	}
	var all []string
	for _, p := range parts {
		part, _ := p.(map[string]any)
		if text, ok := part["text"].(string); ok {
			all = append(all, text)
		}
	}
	return strings.Join(all, " ")
}

// chat applies the chat template. It supports only the two templates of the emulated Hub, and
// the server's default if there is no template (serving_chat.py, default_template).
func (t *tokenizer) chat(messages []message) string {
	var text strings.Builder
	if t.template == "" {
		for i, m := range messages {
			if i > 0 {
				text.WriteString("\n\n")
			}
			text.WriteString(map[string]string{"user": "User: ", "assistant": "Assistant: "}[m.Role] + m.text())
		}
		return text.String() + "\nAssistant: "
	}
	for _, m := range messages {
		text.WriteString("<|im_start|>" + m.Role + "\n" + m.text() + "<|im_end|>\n")
	}
	if strings.Contains(t.template, "add_generation_prompt") {
		text.WriteString("<|im_start|>assistant\n")
	}
	return text.String()
}
