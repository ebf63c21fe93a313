package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// readerState is all that a program keeps which reads registrations and does nothing else: what Go's standard library needs on this machine to take in what a change of
// masters brings, without a registry, an allocator, events, a log or bounds. It says how quick the machine is.
type readerState struct {
	sync.Mutex
	agents, tasks map[string]any
}

type named struct {
	Value string `json:"value"`
}

type reported struct {
	FrameworkID named  `json:"framework_id"`
	State       string `json:"state"`
	Task        struct {
		Name      string
		TaskID    named `json:"task_id"`
		Resources []struct {
			Name   string
			Scalar struct{ Value float64 }
		}
		Labels struct {
			Labels []struct{ Key, Value string }
		}
	}
	Statuses []struct {
		Status struct {
			TaskID    named `json:"task_id"`
			State     string
			Source    string
			Timestamp float64
			Healthy   bool
		}
	}
}

// serveReader answers on the master's address until it is killed.
func serveReader() error {
	state := &readerState{agents: map[string]any{}, tasks: map[string]any{}}
	http.HandleFunc("/metrics/snapshot", func(answer http.ResponseWriter, _ *http.Request) {
		state.Lock()
		defer state.Unlock()
		fmt.Fprintf(answer, `{"master/elected":1,"master/slaves_active":%d,"master/tasks_running":%d}`,
			len(state.agents), len(state.tasks))
	})
	http.HandleFunc("/api/v1/agent", func(answer http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err == nil {
			err = state.keep(body, answer)
		}
		if err != nil {
			http.Error(answer, err.Error(), http.StatusBadRequest)
			return
		}
		<-request.Context().Done()
	})
	return http.ListenAndServe(*master, nil)
}

func (s *readerState) keep(body []byte, answer http.ResponseWriter) error {
	var message struct {
		Content struct {
			AgentID named `json:"agent_id"`
			Address struct{ Hostname string }
			Totals  []any
			Tasks   []reported
		}
	}
	if err := json.Unmarshal(body[bytes.IndexByte(body, '\n')+1:], &message); err != nil {
		return err
	}
	id := message.Content.AgentID
	s.Lock()
	s.agents[id.Value] = message.Content.Totals
	for i := range message.Content.Tasks {
		s.tasks[message.Content.Tasks[i].Task.TaskID.Value] = &message.Content.Tasks[i]
	}
	s.Unlock()
	answer.Header().Set("Bulkhead-Link-Id", id.Value)
	if _, err := answer.Write(record(object{"type": "REGISTERED", "content": object{"agent_id": id}})); err != nil {
		return err
	}
	answer.(http.Flusher).Flush()
	return nil
}
