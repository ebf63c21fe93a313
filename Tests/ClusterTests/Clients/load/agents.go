package main

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

var counts struct {
	launched, finished, agentsLost, frameworksLost, refused atomic.Int64
}

var linkHeaders = map[string]string{
	"Content-Type": "application/recordio", "Message-Content-Type": "application/json",
	"Accept": "application/recordio", "Message-Accept": "application/json",
}

// What waits to be said by one agent; an agent with more to say does not read on.
const outboxMax = 64

// registration is what agent number says of itself.
func registration(number int) object {
	resources := []object{scalar("cpus", 8), scalar("mem", 16384)}
	registration := object{
		"address":   object{"hostname": fmt.Sprintf("host%d", number), "ip": "127.0.0.1", "port": 5051},
		"resources": resources, "totals": resources, "attributes": []object{}, "version": "0.2.0",
		"capabilities": []string{
			"MULTI_ROLE", "HIERARCHICAL_ROLE", "RESERVATION_REFINEMENT", "TASK_RESOURCE_LIMITS",
		},
		"boot_id": "load", "frameworks": []object{}, "executors": []object{}, "tasks": []object{},
		"operations": []object{},
	}
	if *running > 0 {
		bring(registration, number, *running)
	}
	return registration
}

// startAgent registers and returns once it is admitted; it lives on by itself.
func startAgent(number int) error {
	_, err := register(number, record(object{"type": "REGISTER", "content": registration(number)}))
	return err
}

// register sends a registration that has been written out and returns the id it was admitted with.
func register(number int, body []byte) (any, error) {
	response, err := open(number, "/api/v1/agent", linkHeaders, body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != 200 {
		return nil, finish(response)
	}
	link := response.Header.Get("Bulkhead-Link-Id")
	reader := bufio.NewReaderSize(response.Body, 512)
	var first object
	if err := next(reader, &first); err != nil {
		return nil, err
	}
	if first["type"] != "REGISTERED" {
		return nil, fmt.Errorf("not admitted: %v", first)
	}
	// What the agent says goes in order, everything there is in one request.
	outbox := make(chan object, outboxMax)
	go speak(number, link, outbox)
	go func() {
		defer response.Body.Close()
		for {
			var message object
			if err := next(reader, &message); err != nil {
				counts.agentsLost.Add(1)
				close(outbox)
				return
			}
			react(message, outbox)
		}
	}()
	return first["content"].(object)["agent_id"], nil
}

func react(message object, outbox chan<- object) {
	switch message["type"] {
	case "PING":
		outbox <- object{"type": "PONG"}
	case "RUN_TASK":
		content := message["content"].(object)
		framework := content["framework"].(object)["id"]
		task := content["task"].(object)
		for _, state := range []string{"TASK_RUNNING", "TASK_FINISHED"} {
			outbox <- status(framework, task, state)
		}
	}
}

func status(framework any, task object, state string) object {
	uuid := make([]byte, 16)
	_, _ = rand.Read(uuid)
	return object{"type": "STATUS", "content": object{
		"latest_state": "TASK_FINISHED",
		"update": object{"framework_id": framework, "status": object{
			"task_id": task["task_id"], "agent_id": task["agent_id"], "state": state, "source": "SOURCE_EXECUTOR",
			"timestamp": float64(time.Now().UnixNano()) / 1e9, "uuid": uuid,
		}},
	}}
}

func speak(number int, link string, outbox <-chan object) {
	var sender *http.Client
	headers := map[string]string{"Bulkhead-Link-Id": link}
	for name, value := range linkHeaders {
		headers[name] = value
	}
	for message := range outbox {
		body := record(message)
		for more := true; more; {
			select {
			case message, more = <-outbox:
				if more {
					body = append(body, record(message)...)
				}
			default:
				more = false
			}
		}
		if sender == nil {
			sender = client(number, false)
		}
		response, err := post(sender, "/api/v1/agent", headers, body)
		if err == nil {
			err = finish(response)
		}
		if err != nil {
			counts.refused.Add(1)
		}
	}
}
