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
func address(number int) *net.TCPAddr {
	return &net.TCPAddr{IP: net.IPv4(127, 1, byte(number/50>>8), byte(number/50)+1)}
}

func client(number int, keepsConnections bool) *http.Client {
	dialer := &net.Dialer{LocalAddr: address(number), Timeout: 30 * time.Second}
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

// open sends a request over a connection of its own, whose answer may go on for as long as the connection does.
//
// The standard library's client would have two goroutines for each of ten thousand, and hand every byte from one to
// another, on the processors of the master that is measured.
func open(number int, path string, headers map[string]string, body []byte) (*http.Response, error) {
	host, err := net.ResolveTCPAddr("tcp", *master)
	if err != nil {
		return nil, err
	}
	connection, err := net.DialTCP("tcp", address(number), host)
	if err != nil {
		return nil, err
	}
	head := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", path, *master, len(body))
	for name, value := range headers {
		head = fmt.Appendf(head, "%s: %s\r\n", name, value)
	}
	parts := net.Buffers{append(head, "\r\n"...), body}
	_ = connection.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := parts.WriteTo(connection); err != nil {
		connection.Close()
		return nil, err
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(connection, 2048), nil)
	if err != nil {
		connection.Close()
		return nil, err
	}
	_ = connection.SetDeadline(time.Time{})
	response.Body = &ending{response.Body, connection}
	return response, nil
}

// ending is a body that ends its connection when it is closed.
type ending struct {
	io.ReadCloser
	connection net.Conn
}

func (e *ending) Close() error { return e.connection.Close() }

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
