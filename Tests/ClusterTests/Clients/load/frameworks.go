package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

var toRunning, calls samples

type framework struct {
	number   int
	id       string
	stream   string
	sender   *http.Client
	isActive bool
	tasks    int
	started  sync.Map
}

// subscribe returns once the framework is subscribed; it lives on by itself.
func subscribe(number int, isActive bool) (*framework, error) {
	f := &framework{number: number, isActive: isActive, sender: client(50_000+number, isActive)}
	role := fmt.Sprintf("role%d", number%100)
	call := object{"type": "SUBSCRIBE", "subscribe": object{"framework_info": object{
		"user": "root", "name": fmt.Sprintf("load%d", number), "roles": []string{role}, "failover_timeout": 600.0,
		"capabilities": []object{{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}, {"type": "RESERVATION_REFINEMENT"}},
	}, "suppressed_roles": suppressed(role, isActive)}}
	json := map[string]string{"Content-Type": "application/json", "Accept": "application/json"}
	response, err := post(client(60_000+number, true), "/api/v1/scheduler", json, record(call)[digits(call):])
	if err != nil {
		return nil, err
	}
	if response.StatusCode != 200 {
		return nil, finish(response)
	}
	f.stream = response.Header.Get("Mesos-Stream-Id")
	reader := bufio.NewReaderSize(response.Body, 8192)
	var first object
	if err := next(reader, &first); err != nil {
		return nil, err
	}
	subscribed, isSubscribed := first["subscribed"].(object)
	if !isSubscribed {
		return nil, fmt.Errorf("not subscribed: %v", first)
	}
	f.id = subscribed["framework_id"].(object)["value"].(string)
	go f.listen(reader)
	return f, nil
}

func suppressed(role string, isActive bool) []string {
	if isActive {
		return []string{}
	}
	return []string{role}
}

// digits is the length of a record's head: a call is sent without one.
func digits(value any) int {
	text := record(value)
	for i, b := range text {
		if b == '\n' {
			return i + 1
		}
	}
	return 0
}

func (f *framework) listen(reader *bufio.Reader) {
	for {
		var event object
		if err := next(reader, &event); err != nil {
			counts.frameworksLost.Add(1)
			return
		}
		switch event["type"] {
		case "OFFERS":
			for _, offer := range event["offers"].(object)["offers"].([]any) {
				f.launch(offer.(object))
			}
		case "UPDATE":
			f.updated(event["update"].(object)["status"].(object))
		}
	}
}

func (f *framework) call(kind string, name string, content object) {
	call := object{"type": kind, "framework_id": id(f.id), name: content}
	headers := map[string]string{"Content-Type": "application/json", "Mesos-Stream-Id": f.stream}
	begun := time.Now()
	response, err := post(f.sender, "/api/v1/scheduler", headers, record(call)[digits(call):])
	if err == nil {
		err = finish(response)
	}
	calls.add(time.Since(begun))
	if err != nil {
		counts.refused.Add(1)
	}
}

func (f *framework) launch(offer object) {
	role := offer["allocation_info"].(object)
	part := func(name string, value float64) object {
		resource := scalar(name, value)
		resource["allocation_info"] = role
		return resource
	}
	tasks := []object{}
	for i := 0; i < *tasksEach; i++ {
		f.tasks++
		name := fmt.Sprintf("t%d", f.tasks)
		f.started.Store(name, time.Now())
		tasks = append(tasks, object{
			"name": name, "task_id": id(name), "agent_id": offer["agent_id"],
			"resources": []object{part("cpus", 0.1), part("mem", 32)}, "command": object{"value": "true"},
		})
	}
	counts.launched.Add(int64(len(tasks)))
	f.call("ACCEPT", "accept", object{
		"offer_ids": []any{offer["id"]}, "filters": object{"refuse_seconds": 0.0},
		"operations": []object{{"type": "LAUNCH", "launch": object{"task_infos": tasks}}},
	})
}

func (f *framework) updated(status object) {
	name := status["task_id"].(object)["value"].(string)
	if status["state"] == "TASK_RUNNING" {
		if begun, isThere := f.started.LoadAndDelete(name); isThere {
			toRunning.add(time.Since(begun.(time.Time)))
		}
	} else if status["state"] == "TASK_FINISHED" {
		counts.finished.Add(1)
	}
	if uuid, isThere := status["uuid"]; isThere {
		f.call("ACKNOWLEDGE", "acknowledge", object{
			"agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": uuid,
		})
	}
}

// startSlow has watchers ask for everything that happens and read nothing of it.
func startSlow(n int) error {
	for i := 0; i < n; i++ {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 2, 0, byte(i/50)+1)}}
		connection, err := dialer.Dial("tcp", *master)
		if err != nil {
			return err
		}
		body := `{"type":"SUBSCRIBE"}`
		_, err = fmt.Fprintf(connection, "POST /api/v1 HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"+
			"Accept: application/json\r\nContent-Length: %d\r\n\r\n%s", *master, len(body), body)
		if err != nil {
			return err
		}
		unread = append(unread, connection)
	}
	return nil
}

var unread []net.Conn
