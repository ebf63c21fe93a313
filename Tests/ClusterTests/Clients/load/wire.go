package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Loopback has sixteen million addresses: every few clients come from one of their own, so that the ports of one do
// not run out and the bounds of the master per address do not count a whole cluster as one caller.
func client(number int, keepsConnections bool) *http.Client {
	local := net.IPv4(127, 1, byte(number/50>>8), byte(number/50)+1)
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: local}, Timeout: 30 * time.Second}
	return &http.Client{Transport: &http.Transport{
		DialContext: dialer.DialContext, DisableKeepAlives: !keepsConnections, MaxIdleConnsPerHost: 1,
		DisableCompression: true, ReadBufferSize: 2048, WriteBufferSize: 2048,
	}}
}

func post(c *http.Client, path string, headers map[string]string, body []byte) (*http.Response, error) {
	request, err := http.NewRequest("POST", "http://"+*master+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	return c.Do(request)
}

// finish reads an answer that has no use but its status.
func finish(response *http.Response) error {
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%d: %s", response.StatusCode, text)
	}
	return nil
}

func record(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return append([]byte(strconv.Itoa(len(text))+"\n"), text...)
}

// next is the next record of a stream.
func next(reader *bufio.Reader, value any) error {
	line, err := reader.ReadString('\n')
	if err != nil {
		return err
	}
	length, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
	if err != nil {
		return err
	}
	data := make([]byte, length)
	if _, err := io.ReadFull(reader, data); err != nil {
		return err
	}
	return json.Unmarshal(data, value)
}

type object = map[string]any

func id(value string) object { return object{"value": value} }

func scalar(name string, value float64) object {
	return object{"name": name, "type": "SCALAR", "scalar": object{"value": value}}
}
