package main

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// lookup returns a function that resolves names with the cluster's DNS.
func lookup(daemon *http.Client, pod string) func(name string) (netip.Addr, bool) {
	return func(name string) (netip.Addr, bool) {
		res, err := daemon.Get("http://emulator/resolve?" + url.Values{"pod": {pod}, "host": {strings.TrimSuffix(name, ".")}}.Encode())
		if err != nil {
			return netip.Addr{}, false
		}
		defer res.Body.Close()
		var found struct {
			Address netip.Addr `json:"address"`
		}
		if res.StatusCode != http.StatusOK || json.NewDecoder(res.Body).Decode(&found) != nil {
			return netip.Addr{}, false
		}
		return found.Address, true
	}
}

// answer serves DNS on one TCP connection: each message is preceded by its length (RFC 1035,
// 4.2.2).
func answer(conn net.Conn, lookup func(string) (netip.Addr, bool)) {
	defer conn.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		text := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, text); err != nil {
			return
		}
		var message dnsmessage.Message
		if message.Unpack(text) != nil || len(message.Questions) != 1 {
			return
		}
		packed, err := reply(message, lookup)
		if err != nil {
			return
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...)); err != nil {
			return
		}
	}
}

// reply answers a question. Names only have IPv4 addresses.
func reply(asked dnsmessage.Message, lookup func(string) (netip.Addr, bool)) ([]byte, error) {
	question := asked.Questions[0]
	asked.Response, asked.RecursionAvailable, asked.Additionals = true, true, nil
	address, ok := lookup(question.Name.String())
	switch {
	case !ok || !address.Is4():
		asked.RCode = dnsmessage.RCodeNameError
	case question.Type == dnsmessage.TypeA:
		asked.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET},
			Body:   &dnsmessage.AResource{A: address.As4()},
		}}
	}
	return asked.Pack()
}
