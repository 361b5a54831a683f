package sgljax

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// tokenizer is what is loaded with the model. Another one makes other tokens of a text,
// which here is to say that the same text has another answer.
type tokenizer struct {
	key      string // of tokenizer.json
	template string // for chats; empty: none
}

// readTokenizer reads a snapshot's folder.
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

// tokens of a text.
func (t *tokenizer) tokens(text string) []string { return strings.Fields(text) }

// encode is a text as the model sees it.
func (t *tokenizer) encode(text string) string { return t.key + "\x00" + text }

// message of a chat.
type message struct {
	Role    string `json:"role"`
	Content any    `json:"content"`
}

// text of a message, which may be in parts.
func (m message) text() string {
	parts, ok := m.Content.([]any)
	if !ok {
		text, _ := m.Content.(string) // null is nothing
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

// chat applies the chat template. Of Jinja it knows what templates on the emulated Hub
// differ by; without one it is the server's own (serving_chat.py, default_template).
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
