package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"sglang-tpu/cmd/internal/process"
)

// machine runs commands on this machine and sends requests to the Internet.
type machine struct{}

// patience is the timeout of a command or request.
const patience = time.Minute

func (machine) Run(ctx context.Context, command ...string) ([]byte, error) {
	return process.Run(ctx, patience, command...)
}

func (machine) Post(ctx context.Context, url, token, project string, body any) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	// User credentials have no project to which the request is billed
	// (https://cloud.google.com/docs/authentication/rest#set-billing-project).
	request.Header.Set("X-Goog-User-Project", project)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode == http.StatusOK {
		return answer, err
	}
	var failure struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(answer, &failure) != nil || failure.Error.Message == "" {
		return nil, fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil, errors.New(failure.Error.Message)
}
